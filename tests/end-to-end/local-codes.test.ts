/** Goal: a newcomer finds the code without a phone, and nobody else does. Method: a real server with the default provider. */
import { expect, test } from "bun:test";
import { StandaloneServer, until } from "./standalone-server.ts";

test("SMS_PROVIDER=log: the code is on stdout and in /dev/sms, logs in once, and is never in the log", async () => {
  await using server = await StandaloneServer.start({ env: { SMS_PROVIDER: "log" } });
  const phoneNumber = "+14155552671";
  await server.rest("POST", "/api/v1/auth/request-otp", { body: { phone_number: phoneNumber } });
  await until("the code is on stdout", () => server.stdout.includes("otp_sent"));
  const line = server.stdout.split("\n").find((text) => text.includes("otp_sent")) ?? "";
  const sent = JSON.parse(line);
  // A string before it is matched: Bun's matcher puts itself in place of what it matched.
  const otp: string = sent.otp;
  expect(sent).toMatchObject({
    event: "otp_sent",
    phone_last4: "2671",
    otp: expect.stringMatching(/^\d{6}$/),
  });
  expect(line.includes(phoneNumber)).toBe(false);
  const inbox = await server.rest("GET", "/dev/sms", { headers: { accept: "application/json" } });
  expect(inbox.status).toBe(200);
  expect(JSON.stringify(inbox.body)).toContain(otp);
  expect(
    (await server.rest("GET", "/dev/sms", { headers: { accept: "text/html" } })).headers.get("content-type"),
  ).toContain("text/html");
  const deviceId = crypto.randomUUID();
  const verify = (otp: string, device = deviceId) =>
    server.rest("POST", "/api/v1/auth/verify-otp", {
      headers: { "x-device-id": device },
      body: { phone_number: phoneNumber, otp, device_id: device },
    });
  expect((await verify(otp === "111111" ? "222222" : "111111")).status).toBe(401);
  expect((await verify(otp)).status).toBe(201);
  expect((await verify(otp, crypto.randomUUID())).status).toBe(401);
  expect(server.log.includes(`"${otp}"`)).toBe(false);
  expect(server.log.includes(phoneNumber)).toBe(false);
});
