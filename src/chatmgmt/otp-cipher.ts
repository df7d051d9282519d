/** Port: keeps a code re-sendable. Authenticated encryption under a key that the store does not hold. */
export interface OtpCipher {
  /** @param context bound to the result: decrypting with another one fails. @throws when the key service is down */
  encrypt(otp: string, context: string): Promise<string>;
  /** @throws when the key service is down or the text was tampered with */
  decrypt(ciphertext: string, context: string): Promise<string>;
}
