/** Goal: a code goes to SNS as one signed, well-formed Publish, and every other answer than 200 is a failure that names nothing. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../tests/simulation/virtual-clock.ts";
import { signAwsPost } from "./aws-signature.ts";
import { createSnsSmsSender } from "./sms-sender.sns.ts";

const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret-of-the-test", sessionToken: "st" };

function open(status: number, region = "eu-central-1") {
  const clock = new VirtualClock();
  const asked: { url: string; init: RequestInit }[] = [];
  const sender = createSnsSmsSender({
    region,
    credentials,
    clock,
    fetch: async (url, init) => {
      asked.push({ url, init });
      return new Response("<xml>+14155551234</xml>", { status });
    },
  });
  const send = () =>
    sender.send(
      { phoneNumber: "+14155551234", otp: "012345", expiresAtMs: clock.nowMs() + 300_000 },
      new AbortController().signal,
    );
  return { clock, asked, send };
}

test("one Publish, transactional, to the region's host, signed over exactly what is sent", async () => {
  const { clock, asked, send } = open(200);
  await send();
  expect(asked).toHaveLength(1);
  const { url, init } = asked[0] as (typeof asked)[number];
  expect(url).toBe("https://sns.eu-central-1.amazonaws.com/");
  const body = String(init.body);
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    Action: "Publish",
    Version: "2010-03-31",
    PhoneNumber: "+14155551234",
    Message: "012345 is your login code. It is valid for 5 minutes. Never pass it on.",
    "MessageAttributes.entry.1.Name": "AWS.SNS.SMS.SMSType",
    "MessageAttributes.entry.1.Value.DataType": "String",
    "MessageAttributes.entry.1.Value.StringValue": "Transactional",
  });
  const headers = { "content-type": "application/x-www-form-urlencoded; charset=utf-8" };
  expect(init.headers).toEqual(
    signAwsPost(
      {
        host: "sns.eu-central-1.amazonaws.com",
        region: "eu-central-1",
        service: "sns",
        headers,
        body,
        nowMs: clock.nowMs(),
      },
      credentials,
    ),
  );
  expect([init.method, init.redirect]).toEqual(["POST", "error"]);
});

test("regions in China have a domain of their own", async () => {
  const { asked, send } = open(200, "cn-north-1");
  await send();
  expect(asked[0]?.url).toBe("https://sns.cn-north-1.amazonaws.com.cn/");
});

test.each([400, 403, 500, 202])("an answer %d is a failure; its text is not repeated", async (status) => {
  const failed = await open(status)
    .send()
    .then(
      () => undefined,
      (error: Error) => error,
    );
  expect(failed?.message).toBe(`SNS answered ${status}`);
});
