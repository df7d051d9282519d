/**
 * Goal: each row of the rate limits that chat management enforces holds to the number, ends with its window, and does
 * what its class says when the limiter is down. Method: one test per row, named after it, on a virtual clock.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Fixture, type LoggedIn, openFixture, refusal, refusedCode } from "./chatmgmt-fixture.ts";

const phone = "+14155551234";
const deviceId = "550e8400-e29b-41d4-a716-446655440000";
const minuteMs = 60_000;
let at: Fixture;

beforeEach(async () => {
  at = await openFixture();
});
afterEach(async () => {
  await at.storage.close();
});

const requestOtp = (phoneNumber: string, ip: string) => at.call("requestOtp", { phoneNumber }, { ip });
const verify = (otp: string, phoneNumber = phone) =>
  at.call("verifyOtp", { phoneNumber, otp, deviceId }, { deviceId });
const wrongCode = (right: string): string => (right === "111111" ? "222222" : "111111");

describe("one-time codes", () => {
  test("L6 3 requests per phone in 15 minutes", async () => {
    for (const ip of ["192.0.2.1", "198.51.100.1", "203.0.113.1"]) await requestOtp(phone, ip);
    const refused = await refusal(requestOtp(phone, "192.0.2.9"));
    expect(refused.code).toBe("RATE_LIMITED");
    expect(refused.details).toEqual({ limit: 3, window_seconds: 900, retry_after_seconds: 900 });
    await at.clock.advance(15 * minuteMs);
    await requestOtp(phone, "192.0.2.9");
  });

  test("L7 10 requests per address in 15 minutes; a refused one takes nothing from its phone", async () => {
    const numbers = Array.from({ length: 11 }, (_, index) => `+141555599${String(index).padStart(2, "0")}`);
    for (const number of numbers.slice(0, 10)) await requestOtp(number, "192.0.2.1");
    const last = numbers[10] ?? "";
    for (let count = 0; count < 5; count += 1) {
      expect(await refusedCode(requestOtp(last, "192.0.2.1"))).toBe("RATE_LIMITED");
    }
    for (let count = 0; count < 3; count += 1) await requestOtp(last, "198.51.100.7");
  });

  test("L8 5 failed verifications per phone in 5 minutes, the sixth is not looked at, right or wrong", async () => {
    const code = await at.requestCode(phone);
    for (let count = 0; count < 5; count += 1) {
      expect(await refusedCode(verify(wrongCode(code)))).toBe("INVALID_OTP");
    }
    const before = at.calls.filter((call) => call.startsWith("otps.")).length;
    expect(await refusedCode(verify(code))).toBe("RATE_LIMITED");
    expect(at.calls.filter((call) => call.startsWith("otps."))).toHaveLength(before);
  });

  test("L9 the lockout lasts 15 minutes: neither a code is sent nor one looked at, then both again", async () => {
    const code = await at.requestCode(phone);
    for (let count = 0; count < 5; count += 1) await refusedCode(verify(wrongCode(code)));
    await at.clock.advance(15 * minuteMs - 1);
    expect(await refusedCode(verify(code))).toBe("RATE_LIMITED");
    expect(await refusedCode(requestOtp(phone, "192.0.2.1"))).toBe("RATE_LIMITED");
    await at.clock.advance(1);
    const fresh = await at.requestCode(phone);
    await verify(fresh);
  });

  test("L10 5 tries per code, counted on the code itself: a limiter that forgot does not give more", async () => {
    const code = await at.requestCode(phone);
    for (let count = 0; count < 5; count += 1) await refusedCode(verify(wrongCode(code)));
    at.fail("rateLimiter.flag", async () => undefined);
    at.fail("rateLimiter.take", async () => ({ allowed: true, states: [] }));
    expect(await refusedCode(verify(code))).toBe("RATE_LIMITED");
  });

  test("rate_limit_fail_secure: with the limiter down no code is sent and none looked at", async () => {
    const code = await at.requestCode(phone);
    at.fail("rateLimiter.take");
    at.fail("rateLimiter.flag");
    expect(await refusedCode(requestOtp(phone, "192.0.2.1"))).toBe("SERVICE_UNAVAILABLE");
    expect(await refusedCode(verify(code))).toBe("SERVICE_UNAVAILABLE");
    at.heal("rateLimiter.take");
    at.heal("rateLimiter.flag");
    await verify(code);
  });
});

describe("users", () => {
  let ann: LoggedIn;
  let bob: LoggedIn;

  beforeEach(async () => {
    [ann, bob] = (await at.createUsers(2)) as [LoggedIn, LoggedIn];
  });

  const lookUp = async () => {
    const work = at.call("lookupUsers", { phoneNumbers: [bob.phoneNumber] }, { token: ann.token });
    void work.catch(() => undefined);
    await at.clock.advance(400);
    return await work;
  };

  test("L13 10 look-ups in any minute, and more than 100 numbers in none", async () => {
    for (let count = 0; count < 10; count += 1) await lookUp();
    expect(await refusedCode(lookUp())).toBe("RATE_LIMITED");
    await at.clock.advance(minuteMs);
    await lookUp();
    const phoneNumbers = Array.from(
      { length: 101 },
      (_, index) => `+1415666${String(index).padStart(4, "0")}`,
    );
    expect(await refusedCode(at.call("lookupUsers", { phoneNumbers }, { token: ann.token }))).toBe(
      "VALIDATION_ERROR",
    );
  });

  test("L13 100 look-ups in any hour", async () => {
    const startMs = at.clock.nowMs();
    for (let count = 0; count < 100; count += 1) {
      await lookUp();
      await at.clock.advance(6000);
    }
    expect(await refusedCode(lookUp())).toBe("RATE_LIMITED");
    await at.clock.advance(startMs + 60 * minuteMs - at.clock.nowMs());
    const fresh = await at.logIn(ann.phoneNumber);
    ann = { ...ann, token: fresh.token };
    await lookUp();
  });

  const createGroup = () => at.createGroup(ann, [bob]);

  test("L24 20 new groups a day, until midnight UTC", async () => {
    for (let count = 0; count < 20; count += 1) await createGroup();
    const refused = await refusal(createGroup());
    expect(refused.code).toBe("RATE_LIMITED");
    const dayMs = 24 * 60 * minuteMs;
    const leftMs = dayMs - (at.clock.nowMs() % dayMs);
    expect(refused.details).toMatchObject({ limit: 20, retry_after_seconds: Math.ceil(leftMs / 1000) });
  });

  test("L13, L24 fail open: a limiter that is down refuses neither", async () => {
    at.fail("rateLimiter.take");
    await lookUp();
    await createGroup();
  });
});
