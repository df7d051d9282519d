/** Port: brings a code to its phone. Asked after the caller was answered; a failure is only recorded. */
export interface OtpSms {
  /** E.164. */
  readonly phoneNumber: string;
  readonly otp: string;
  readonly expiresAtMs: number;
}

export interface SmsSender {
  /** @throws when the provider refused, did not answer, or the signal aborted */
  send(sms: OtpSms, signal: AbortSignal): Promise<void>;
}
