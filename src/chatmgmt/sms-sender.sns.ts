/**
 * Sends codes as transactional text messages by Amazon SNS, over its Query API: one signed POST, no SDK. Any
 * answer but 200 is a failure; its body, which may name the phone number, is not read.
 */
import type { Clock } from "../shared/domain/clock.ts";
import { type AwsCredentials, signAwsPost } from "./aws-signature.ts";
import type { SmsSender } from "./sms-sender.ts";
import type { Fetch } from "./sms-sender.webhook.ts";

export interface SnsSmsSenderOptions {
  /** "eu-central-1" */
  readonly region: string;
  readonly credentials: AwsCredentials;
  readonly clock: Pick<Clock, "nowMs">;
  readonly fetch: Fetch;
}

export function createSnsSmsSender({ region, credentials, clock, fetch }: SnsSmsSenderOptions): SmsSender {
  const host = `sns.${region}.${region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"}`;
  return {
    send: async (sms, signal) => {
      const nowMs = clock.nowMs();
      const minutes = Math.max(1, Math.round((sms.expiresAtMs - nowMs) / 60_000));
      const body = new URLSearchParams({
        Action: "Publish",
        Version: "2010-03-31",
        PhoneNumber: sms.phoneNumber,
        Message: `${sms.otp} is your login code. It is valid for ${minutes} minutes. Never pass it on.`,
        "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "Transactional",
      }).toString();
      const headers = signAwsPost(
        {
          host,
          region,
          service: "sns",
          headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
          body,
          nowMs,
        },
        credentials,
      );
      const response = await fetch(`https://${host}/`, {
        method: "POST",
        headers,
        body,
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (response.status !== 200) throw new Error(`SNS answered ${response.status}`);
    },
  };
}
