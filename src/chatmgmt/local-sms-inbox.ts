/** The messages that a real phone would have got, newest first; for one machine only, in memory only. */
import { type Clock, isoTime } from "../shared/domain/clock.ts";
import type { OtpSms } from "./sms-sender.ts";

export interface ReceivedSms {
  readonly phone_number: string;
  readonly otp: string;
  readonly received_at: string;
  readonly expires_at: string;
}

const messagesMax = 200;

export class LocalSmsInbox {
  readonly #clock: Clock;
  readonly #messages: ReceivedSms[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(sms: OtpSms): void {
    this.#messages.unshift({
      phone_number: sms.phoneNumber,
      otp: sms.otp,
      received_at: isoTime(this.#clock.nowMs()),
      expires_at: isoTime(sms.expiresAtMs),
    });
    if (this.#messages.length > messagesMax) this.#messages.pop();
  }

  /** Newest first, at most 200. */
  list(): readonly ReceivedSms[] {
    return [...this.#messages];
  }
}
