/**
 * Goal: a phone number and a code become one session, whatever is repeated, raced or down.
 * Method: handlers on the embedded stores with a virtual clock; the acceptance scenarios AUTH-01 to AUTH-16.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { randomInteger } from "../shared/domain/random.ts";
import {
  type Fixture,
  openFixture,
  refusal,
  refusedCode,
  sessionIdOf,
  testSettings,
} from "./chatmgmt-fixture.ts";
import { noRateLimits } from "./no-rate-limits.ts";
import { phoneHash } from "./phone-hash.ts";

const phone = "+14155551234";
let at: Fixture;

beforeEach(async () => {
  at = await openFixture();
});
afterEach(async () => {
  await at.storage.close();
});

function wrongCode(code: string): string {
  return code === "000000" ? "000001" : "000000";
}

describe("request-otp", () => {
  test("AUTH-10 otp_single_active: a repeat sends the same code with the same expiry", async () => {
    const first = await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.advance(60_000);
    const second = await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.settle();
    expect(second.expiresAt).toBe(first.expiresAt);
    expect(first.retryAfterSeconds).toBe(60);
    const codes = at.inbox.list().map((sms) => sms.otp);
    expect(codes).toHaveLength(2);
    expect(new Set(codes).size).toBe(1);
  });

  test("a code that ran out is replaced by another one", async () => {
    const first = await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.advance(300_000);
    const second = await at.call("requestOtp", { phoneNumber: phone });
    expect(Date.parse(second.expiresAt)).toBe(Date.parse(first.expiresAt) + 300_000);
  });

  test("AUTH-09 the fourth request for a phone in 15 minutes is refused", async () => {
    for (let count = 0; count < 3; count += 1) await at.call("requestOtp", { phoneNumber: phone });
    const error = await refusal(at.call("requestOtp", { phoneNumber: phone }));
    expect(error.code).toBe("RATE_LIMITED");
    expect(error.details).toEqual({ limit: 3, window_seconds: 900, retry_after_seconds: 900 });
    await at.clock.advance(900_000);
    expect((await at.call("requestOtp", { phoneNumber: phone })).phoneNumber).toBe(phone);
  });

  test("AUTH-09 the eleventh request from one address is refused, another address is not", async () => {
    for (let number = 0; number < 10; number += 1) {
      await at.call("requestOtp", { phoneNumber: `+1415555200${number}` }, { ip: "203.0.113.7" });
    }
    const eleventh = { phoneNumber: "+14155552010" };
    expect((await refusal(at.call("requestOtp", eleventh, { ip: "203.0.113.7" }))).details).toMatchObject({
      limit: 10,
    });
    expect((await at.call("requestOtp", eleventh, { ip: "203.0.113.8" })).phoneNumber).toBe("+14155552010");
  });

  test("otp_never_plaintext: neither the code nor the number is in the record or in the security record", async () => {
    const code = await at.requestCode(phone);
    const record = JSON.stringify(await at.deps.otps.get(phoneHash(phone)));
    const audited = JSON.stringify(at.audited);
    for (const secret of [code, phone, phone.slice(1)]) {
      expect(record).not.toContain(`"${secret}"`);
      expect(audited).not.toContain(secret);
    }
    expect(at.auditTypes()).toContain("auth.otp_requested");
  });

  test("AUTH-16 without the pepper no code matches the record", async () => {
    await at.requestCode(phone);
    const record = await at.deps.otps.get(phoneHash(phone));
    const { createHash } = await import("node:crypto");
    for (let number = 0; number < 1_000_000; number += 997) {
      const text = `${String(number).padStart(6, "0")}${record?.phoneHash}${new Date(record?.expiresAtMs ?? 0).toISOString()}`;
      expect(createHash("sha256").update(text).digest("hex")).not.toBe(record?.otpMac as string);
    }
  });

  test("registered and unregistered numbers cause the same calls and the same answer", async () => {
    await at.logIn(phone);
    await at.clock.advance(900_000);
    at.calls.length = 0;
    const known = await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.settle();
    const callsForKnown = at.calls.splice(0);
    const unknown = await at.call("requestOtp", { phoneNumber: "+14155559999" });
    await at.clock.settle();
    expect(at.calls).toEqual(callsForKnown);
    expect({ ...unknown, phoneNumber: phone }).toEqual(known);
  });

  test("AUTH-12 SMS down: 200 and an event; encryption down: 503; decryption down: 200 without a message", async () => {
    at.fail("sms.send", () => {
      throw new Error("provider says no");
    });
    await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.settle();
    expect(at.auditTypes()).toContain("auth.otp_delivery_failed");
    at.heal("sms.send");
    at.fail("otpCipher.decrypt");
    await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.settle();
    expect(at.inbox.list()).toHaveLength(0);
    at.fail("otpCipher.encrypt");
    expect(await refusedCode(at.call("requestOtp", { phoneNumber: "+14155551235" }))).toBe(
      "SERVICE_UNAVAILABLE",
    );
  });

  test("a provider that does not answer is given up after 10 s, the answer does not wait for it", async () => {
    at.fail("sms.send", (_sms, signal) => {
      return new Promise((_, reject) => {
        (signal as AbortSignal).addEventListener("abort", () => reject((signal as AbortSignal).reason));
      });
    });
    await at.call("requestOtp", { phoneNumber: phone });
    await at.clock.advance(10_000);
    expect(at.audited.find((event) => event.type === "auth.otp_delivery_failed")?.reason).toBe("timeout");
  });

  test.each(["rateLimiter.take", "rateLimiter.flag", "otps.get", "otps.put"])(
    "AUTH-11 rate_limit_fail_secure: %s down means 503",
    async (method) => {
      at.fail(method);
      expect(await refusedCode(at.call("requestOtp", { phoneNumber: phone }))).toBe("SERVICE_UNAVAILABLE");
    },
  );
});

test("L10 stays where rate limits are off: after five wrong codes the code itself is spent", async () => {
  const unlimited = await openFixture(1, testSettings, noRateLimits);
  const code = await unlimited.requestCode(phone);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    expect(await refusedCode(unlimited.verify(phone, wrongCode(code), unlimited.ids.uuid()))).toBe(
      "INVALID_OTP",
    );
  }
  expect(await refusedCode(unlimited.verify(phone, code, unlimited.ids.uuid()))).toBe("RATE_LIMITED");
  const fresh = await unlimited.requestCode(phone);
  expect((await unlimited.verify(phone, fresh, unlimited.ids.uuid())).isNewUser).toBe(true);
});

describe("verify-otp", () => {
  test("AUTH-01 a new number becomes a user with a session", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    const answer = await at.call("verifyOtp", { phoneNumber: phone, otp: code, deviceId }, { deviceId });
    expect(answer.isNewUser).toBe(true);
    expect(answer.user?.phoneNumber).toBe(phone);
    expect(answer.user?.displayName).toBeUndefined();
    expect(answer.session?.deviceId).toBe(deviceId);
    const { createdAt = "", expiresAt = "" } = answer.session ?? {};
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(30 * 24 * 3600 * 1000);
    expect(answer.tokens).toMatchObject({ tokenType: "Bearer", expiresIn: 3600 });
    expect(answer.tokens?.refreshToken).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const me = await at.call("getMe", {}, { token: answer.tokens?.accessToken ?? "" });
    expect(me.phoneNumber).toBe(phone);
    expect(at.auditTypes()).toEqual(["auth.otp_requested", "auth.otp_verified", "session.created"]);
  });

  test("a known number logs in as the same user", async () => {
    const first = await at.logIn(phone);
    const second = await at.logIn(phone);
    expect(second.userId).toBe(first.userId);
    expect(first.isNewUser).toBe(true);
    expect(second.isNewUser).toBe(false);
  });

  test("AUTH-02 phone_uniqueness_enforced: two first verifications at once make one user", async () => {
    const code = await at.requestCode(phone);
    const results = await Promise.allSettled([
      at.verify(phone, code, at.ids.uuid()),
      at.verify(phone, code, at.ids.uuid()),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
    const rejected = results.find((result) => result.status === "rejected");
    expect(rejected?.reason).toMatchObject({ code: "INVALID_OTP" });
  });

  test("AUTH-02 two identical verifications at once give one session and one user", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    const [one, two] = await Promise.all([
      at.verify(phone, code, deviceId),
      at.verify(phone, code, deviceId),
    ]);
    expect(two.userId).toBe(one.userId);
    expect(two.sessionId).toBe(one.sessionId);
    expect([one.isNewUser, two.isNewUser]).toEqual([true, true]);
  });

  test("AUTH-02 the same for a known user whose device has a session: it is replaced once, the new one lives", async () => {
    const old = await at.logIn(phone);
    await at.clock.advance(900_000);
    const code = await at.requestCode(phone);
    const [one, two] = await Promise.all([
      at.verify(phone, code, old.deviceId),
      at.verify(phone, code, old.deviceId),
    ]);
    expect(two.sessionId).toBe(one.sessionId);
    const { items } = await at.call("listSessions", {}, { token: one.token });
    expect(items.map((session) => session.sessionId)).toEqual([one.sessionId]);
  });

  test("a number that was registered a moment ago belongs to its user", async () => {
    const code = await at.requestCode(phone);
    const existing = await at.deps.users.findByPhone([phone]);
    expect(existing).toEqual([undefined]);
    let raced = false;
    at.fail("users.findByPhone", async () => {
      if (!raced) {
        raced = true;
        const nowMs = at.clock.nowMs();
        const userId = at.ids.userId();
        const { createSqliteUserStore } = await import("../shared/stores/user-store.sqlite.ts");
        await createSqliteUserStore(at.storage).createUsers([
          { userId, phoneNumber: phone, displayName: "Winner", createdAtMs: nowMs, updatedAtMs: nowMs },
        ]);
      }
      return [undefined];
    });
    const login = await at.verify(phone, code, at.ids.uuid());
    expect(login.isNewUser).toBe(false);
    expect((await at.call("getMe", {}, { token: login.token })).displayName).toBe("Winner");
  });

  test("AUTH-03 the same call again: same session and status, fresh tokens; the first refresh token is invalid but no theft", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    const first = await at.verify(phone, code, deviceId);
    const second = await at.verify(phone, code, deviceId);
    expect(second.sessionId).toBe(first.sessionId);
    expect(second.isNewUser).toBe(true);
    expect(second.token).not.toBe(first.token);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    const late = at.call(
      "refreshToken",
      { refreshToken: first.refreshToken },
      { token: first.token, deviceId },
    );
    expect(await refusedCode(late)).toBe("INVALID_REFRESH_TOKEN");
    const refreshed = await at.call(
      "refreshToken",
      { refreshToken: second.refreshToken },
      { token: second.token, deviceId },
    );
    expect(refreshed.tokens?.expiresIn).toBe(3600);
  });

  test("AUTH-03 a used code with a wrong code, from another device, or after its life is refused", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    await at.verify(phone, code, deviceId);
    expect(await refusedCode(at.verify(phone, wrongCode(code), deviceId))).toBe("INVALID_OTP");
    expect(await refusedCode(at.verify(phone, code, at.ids.uuid()))).toBe("INVALID_OTP");
    await at.clock.advance(300_000);
    expect(await refusedCode(at.verify(phone, code, deviceId))).toBe("INVALID_OTP");
  });

  test("AUTH-04 five wrong codes lock the phone for 15 minutes, the right code too, and no code is sent", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await refusedCode(at.verify(phone, wrongCode(code), deviceId))).toBe("INVALID_OTP");
    }
    const error = await refusal(at.verify(phone, code, deviceId));
    expect(error.code).toBe("RATE_LIMITED");
    expect(error.details).toMatchObject({ limit: 5, retry_after_seconds: 900 });
    expect(await refusedCode(at.call("requestOtp", { phoneNumber: phone }, { ip: "203.0.113.9" }))).toBe(
      "RATE_LIMITED",
    );
    await at.clock.advance(900_000);
    const login = await at.verify(phone, await at.requestCode(phone), deviceId);
    expect(login.isNewUser).toBe(true);
    const failures = at.audited.filter((event) => event.type === "auth.otp_failed");
    expect(failures.map((event) => event.details["remaining_attempts"])).toEqual([4, 3, 2, 1, 0]);
  });

  test("AUTH-04 right codes never count: four wrong ones and a right one leave no lockout behind", async () => {
    const deviceId = at.ids.uuid();
    for (let round = 0; round < 3; round += 1) {
      const code = await at.requestCode(phone);
      for (let attempt = 0; attempt < 4; attempt += 1) {
        expect(await refusedCode(at.verify(phone, wrongCode(code), deviceId))).toBe("INVALID_OTP");
      }
      expect((await at.verify(phone, code, deviceId)).phoneNumber).toBe(phone);
    }
  });

  test("AUTH-04 guesses at the same time never outnumber the limit", async () => {
    const code = await at.requestCode(phone);
    const guesses = Array.from({ length: 40 }, () =>
      String(randomInteger(at.random, 1_000_000)).padStart(6, "0"),
    ).filter((guess) => guess !== code);
    const results = await Promise.all(
      guesses.map((guess) => refusedCode(at.verify(phone, guess, at.ids.uuid()))),
    );
    expect(results.filter((result) => result === "INVALID_OTP")).toHaveLength(5);
    expect(results.filter((result) => result === "RATE_LIMITED")).toHaveLength(guesses.length - 5);
  });

  test("an unknown number is refused like a wrong code, with the same calls but the count on the record", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    at.calls.length = 0;
    const wrong = await refusal(at.verify(phone, wrongCode(code), deviceId));
    const callsForWrong = at.calls.splice(0).filter((name) => name !== "otps.countFailure");
    const unknown = await refusal(at.verify("+14155559999", "123456", deviceId));
    expect(at.calls).toEqual(callsForWrong);
    expect({ ...unknown }).toEqual({ ...wrong });
    expect(unknown.message).toBe(wrong.message);
  });

  test.each([
    "rateLimiter.take",
    "rateLimiter.flag",
    "otps.get",
    "users.findByPhone",
    "otps.consume",
    "accessTokens.sign",
  ])(
    "AUTH-11, AUTH-12 otp_consumption_atomic: %s down means 503, and the code still works afterwards",
    async (method) => {
      const code = await at.requestCode(phone);
      const deviceId = at.ids.uuid();
      at.fail(method);
      for (let attempt = 0; attempt < 4; attempt += 1) {
        expect(await refusedCode(at.verify(phone, code, deviceId))).toBe("SERVICE_UNAVAILABLE");
      }
      at.heal(method);
      expect((await at.verify(phone, code, deviceId)).isNewUser).toBe(true);
    },
  );

  test("X-Device-ID must be there and equal device_id", async () => {
    const code = await at.requestCode(phone);
    const deviceId = at.ids.uuid();
    const request = { phoneNumber: phone, otp: code, deviceId };
    expect(await refusedCode(at.call("verifyOtp", request))).toBe("VALIDATION_ERROR");
    expect(await refusedCode(at.call("verifyOtp", request, { deviceId: at.ids.uuid() }))).toBe(
      "VALIDATION_ERROR",
    );
    const upper = await at.call("verifyOtp", request, { deviceId: deviceId.toUpperCase() });
    expect(upper.session?.deviceId).toBe(deviceId);
  });

  test("AUTH-08 concurrent_session_bounded: a sixth device evicts the oldest session, its tokens and sockets", async () => {
    const logins = [];
    for (let device = 0; device < 6; device += 1) logins.push(await at.logIn(phone));
    const [first, ...rest] = logins;
    const newest = rest.at(-1);
    // The oldest token has run out meanwhile; the session is what counts.
    const { items } = await at.call("listSessions", {}, { token: newest?.token ?? "" });
    expect(items.map((session) => session.sessionId)).toEqual(rest.map((login) => login.sessionId));
    expect(at.announced).toEqual([
      {
        userId: first?.userId as never,
        sessionIds: [sessionIdOf(first?.sessionId ?? "")],
        reason: "session_limit",
      },
    ]);
    const refresh = at.call(
      "refreshToken",
      { refreshToken: first?.refreshToken ?? "" },
      { token: first?.token ?? "", deviceId: first?.deviceId ?? "" },
    );
    expect(await refusedCode(refresh)).toBe("INVALID_REFRESH_TOKEN");
  });

  test("AUTH-08 a known device's session is replaced, its token revoked before", async () => {
    const old = await at.logIn(phone);
    const next = await at.verify(phone, await at.requestCode(phone, "203.0.113.10"), old.deviceId);
    expect(next.sessionId).not.toBe(old.sessionId);
    const revoked = await refusal(at.call("getMe", {}, { token: old.token }));
    expect(revoked.details).toMatchObject({ reason: "token_revoked" });
    expect(at.announced.map((news) => news.reason)).toEqual(["device_replaced"]);
    expect(at.auditTypes()).toContain("session.replaced");
  });

  test("AUTH-11 revocation down: the login is refused and the older session lives on", async () => {
    const old = await at.logIn(phone);
    const code = await at.requestCode(phone, "203.0.113.10");
    at.fail("revocation.revoke");
    expect(await refusedCode(at.verify(phone, code, old.deviceId))).toBe("SERVICE_UNAVAILABLE");
    at.heal("revocation.revoke");
    const session = await at.deps.sessions.getSession(sessionIdOf(old.sessionId));
    expect(session?.sessionId as string).toBe(old.sessionId);
    const next = await at.verify(phone, code, old.deviceId);
    expect(next.userId).toBe(old.userId);
  });
});
