/** Sends codes nowhere: prints them as a line of JSON and keeps them in a local inbox. For one machine only. */
import { type Clock, isoTime } from "../shared/domain/clock.ts";
import type { LocalSmsInbox } from "./local-sms-inbox.ts";
import type { SmsSender } from "./sms-sender.ts";

export interface LogSmsSenderOptions {
  readonly inbox: LocalSmsInbox;
  readonly clock: Clock;
  /** Writes one line to stdout; the line break is the writer's. */
  readonly writeLine: (line: string) => void;
}

export function createLogSmsSender(options: LogSmsSenderOptions): SmsSender {
  const { inbox, clock, writeLine } = options;
  return {
    send: async (sms) => {
      inbox.add(sms);
      writeLine(
        JSON.stringify({
          event: "otp_sent",
          phone_last4: sms.phoneNumber.slice(-4),
          otp: sms.otp,
          expires_at: isoTime(sms.expiresAtMs),
          timestamp: isoTime(clock.nowMs()),
        }),
      );
    },
  };
}
