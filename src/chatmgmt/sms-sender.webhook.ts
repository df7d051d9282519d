/** Hands codes to the operator's own gateway: POST {phone_number, otp, expires_at}; any 2xx counts as sent. */
import { isoTime } from "../shared/domain/clock.ts";
import type { SmsSender } from "./sms-sender.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Pick<Response, "ok" | "status" | "body">>;

export function createWebhookSmsSender(url: string, fetch: Fetch): SmsSender {
  return {
    send: async (sms, signal) => {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          phone_number: sms.phoneNumber,
          otp: sms.otp,
          expires_at: isoTime(sms.expiresAtMs),
        }),
        // A redirect would carry the code to a place that nobody configured.
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`SMS webhook answered ${response.status}`);
    },
  };
}
