/** Codes under a local AES-256-GCM key (NIST SP 800-38D): base64 of nonce (12 bytes), ciphertext, tag (16 bytes). */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "../shared/domain/random.ts";
import type { OtpCipher } from "./otp-cipher.ts";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** @param key 32 bytes @throws {RangeError} another length */
export function createAesOtpCipher(key: Uint8Array, random: Random): OtpCipher {
  if (key.length !== 32) throw new RangeError(`cipher key has ${key.length} bytes, 32 are needed`);
  return {
    encrypt: async (otp, context) => {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(context, "utf8"));
      const sealed = Buffer.concat([cipher.update(otp, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64");
    },
    decrypt: async (ciphertext, context) => {
      const bytes = Buffer.from(ciphertext, "base64");
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes))
        .setAAD(Buffer.from(context, "utf8"))
        .setAuthTag(bytes.subarray(-tagBytes));
      const sealed = bytes.subarray(nonceBytes, -tagBytes);
      return Buffer.concat([decipher.update(sealed), decipher.final()]).toString("utf8");
    },
  };
}
