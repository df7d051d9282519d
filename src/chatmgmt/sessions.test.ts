/**
 * Goal: a refresh token works once, its theft ends the session, and an ended session leaves no token alive.
 * Method: handlers on the embedded stores with a virtual clock; a model of rotation under random interleavings.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Fixture,
  type LoggedIn,
  openFixture,
  refusal,
  refusedCode,
  sessionIdOf,
} from "./chatmgmt-fixture.ts";

const phone = "+14155551234";
let at: Fixture;

beforeEach(async () => {
  at = await openFixture();
});
afterEach(async () => {
  await at.storage.close();
});

interface Tokens {
  readonly token: string;
  readonly refreshToken: string;
}

async function refresh(login: LoggedIn, held: Tokens): Promise<Tokens> {
  const as = { token: held.token, deviceId: login.deviceId };
  const { tokens } = await at.call("refreshToken", { refreshToken: held.refreshToken }, as);
  return { token: tokens?.accessToken ?? "", refreshToken: tokens?.refreshToken ?? "" };
}

function sessionOf(login: LoggedIn) {
  return at.deps.sessions.getSession(sessionIdOf(login.sessionId));
}

describe("refresh", () => {
  test("AUTH-05 the new token works, the expired access token is enough, the session's end does not move", async () => {
    const login = await at.logIn(phone);
    await at.clock.advance(2 * 3600 * 1000);
    expect((await refusal(at.call("getMe", {}, { token: login.token }))).details).toMatchObject({
      reason: "token_expired",
    });
    const before = await sessionOf(login);
    const second = await refresh(login, login);
    const third = await refresh(login, second);
    expect((await at.call("getMe", {}, { token: third.token })).phoneNumber).toBe(phone);
    const after = await sessionOf(login);
    expect(after?.expiresAtMs).toBe(before?.expiresAtMs as number);
    expect(after?.tokenGeneration).toBe(2);
    expect(at.auditTypes()).toContain("auth.token_refreshed");
  });

  test("AUTH-05 refresh_reuse_revokes: the old token again ends the session, its tokens and its sockets", async () => {
    const login = await at.logIn(phone);
    const second = await refresh(login, login);
    expect(await refusedCode(refresh(login, login))).toBe("INVALID_REFRESH_TOKEN");
    expect(await sessionOf(login)).toBeUndefined();
    expect(await refusedCode(refresh(login, second))).toBe("INVALID_REFRESH_TOKEN");
    for (const token of [login.token, second.token]) {
      expect((await refusal(at.call("getMe", {}, { token }))).details).toMatchObject({
        reason: "token_revoked",
      });
    }
    expect(at.announced).toEqual([
      { userId: login.userId, sessionIds: [sessionIdOf(login.sessionId)], reason: "refresh_reuse" },
    ]);
    expect(at.auditTypes()).toContain("auth.refresh_token_reuse");
  });

  test("AUTH-06 session_device_bound: another device is refused and changes nothing", async () => {
    const login = await at.logIn(phone);
    const other = at.call(
      "refreshToken",
      { refreshToken: login.refreshToken },
      { token: login.token, deviceId: at.ids.uuid() },
    );
    expect(await refusedCode(other)).toBe("DEVICE_MISMATCH");
    expect((await refresh(login, login)).token).not.toBe(login.token);
  });

  test("AUTH-07 refresh_requires_valid_access_token: none, a forged one, or another session's", async () => {
    const login = await at.logIn(phone);
    const stranger = await at.logIn("+14155550002");
    const request = { refreshToken: login.refreshToken };
    const { deviceId } = login;
    expect(await refusedCode(at.call("refreshToken", request, { deviceId }))).toBe("UNAUTHORIZED");
    expect(await refusedCode(at.call("refreshToken", request, { deviceId, token: "forged" }))).toBe(
      "UNAUTHORIZED",
    );
    expect(
      await refusedCode(
        at.call("refreshToken", request, { deviceId: stranger.deviceId, token: stranger.token }),
      ),
    ).toBe("INVALID_REFRESH_TOKEN");
    expect((await refresh(login, login)).token).toBeTruthy();
  });

  test("two refreshes with one token at once: one wins, the session lives, a later replay ends it", async () => {
    const login = await at.logIn(phone);
    const results = await Promise.allSettled([refresh(login, login), refresh(login, login)]);
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await sessionOf(login)).toBeDefined();
    expect(await refusedCode(refresh(login, login))).toBe("INVALID_REFRESH_TOKEN");
    expect(await sessionOf(login)).toBeUndefined();
  });

  test("a session is over after 30 days, however often it was refreshed", async () => {
    const login = await at.logIn(phone);
    let held: Tokens = login;
    for (let day = 0; day < 29; day += 1) {
      await at.clock.advance(24 * 3600 * 1000);
      held = await refresh(login, held);
    }
    await at.clock.advance(24 * 3600 * 1000);
    expect(await refusedCode(refresh(login, held))).toBe("INVALID_REFRESH_TOKEN");
  });

  test("the fourth live access token pushes the oldest out, which is revoked", async () => {
    const login = await at.logIn(phone);
    let held: Tokens = login;
    for (let count = 0; count < 3; count += 1) held = await refresh(login, held);
    expect((await sessionOf(login))?.liveTokens).toHaveLength(3);
    expect((await refusal(at.call("getMe", {}, { token: login.token }))).details).toMatchObject({
      reason: "token_revoked",
    });
    expect((await at.call("getMe", {}, { token: held.token })).phoneNumber).toBe(phone);
  });

  test.each(["accessTokens.sign", "sessions.getSession", "sessions.rotateTokens"])(
    "%s down: 503, and the old refresh token still works",
    async (method) => {
      const login = await at.logIn(phone);
      at.fail(method);
      expect(await refusedCode(refresh(login, login))).toBe("SERVICE_UNAVAILABLE");
      at.heal(method);
      expect((await refresh(login, login)).refreshToken).toHaveLength(43);
    },
  );

  test("refresh_reuse_revokes: under random interleavings reuse ends the session exactly when it must", async () => {
    // Whoever holds tokens (the client, a thief) presents any of them, alone or two at the same time. Model: the
    // current one rotates, the one before it ends the session, every other is refused and changes nothing.
    const step = fc.record({ picks: fc.array(fc.nat(), { minLength: 1, maxLength: 2 }) });
    const seed = Number(process.env["FC_SEED"] ?? 20_260_131);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await at.storage.close();
        at = await openFixture();
        const login = await at.logIn(phone);
        const issued: Tokens[] = [login];
        const minted: Tokens[] = [login];
        let alive = true;
        for (const { picks } of steps) {
          const indexes = picks.map((pick) => pick % issued.length);
          const current = issued.length - 1;
          const results = await Promise.allSettled(
            indexes.map((index) => refresh(login, issued[index] as Tokens)),
          );
          const won = results.filter((result) => result.status === "fulfilled");
          // Calls of one step begin together: each reads the session before any of them changes it.
          const reused = indexes.some((index) => index === current - 1);
          if (!alive) {
            expect(won).toHaveLength(0);
          } else if (reused) {
            alive = false;
          } else {
            expect(won).toHaveLength(indexes.includes(current) ? 1 : 0);
          }
          for (const { value } of won) {
            minted.push(value);
            if (alive) issued.push(value);
          }
          expect((await sessionOf(login)) !== undefined).toBe(alive);
        }
        if (alive) return;
        // Also the token of a refresh that won beside the reuse.
        for (const { token } of minted) {
          expect(await refusedCode(at.call("getMe", {}, { token }))).toBe("UNAUTHORIZED");
        }
      }),
      { seed, numRuns: 60 },
    );
  });
});

describe("ending sessions", () => {
  test("logout ends the token's session at once and may be repeated", async () => {
    const login = await at.logIn(phone);
    await at.call("logout", {}, { token: login.token });
    expect(await sessionOf(login)).toBeUndefined();
    expect((await refusal(at.call("getMe", {}, { token: login.token }))).details).toMatchObject({
      reason: "token_revoked",
    });
    expect(at.announced.map((news) => news.reason)).toEqual(["logout"]);
  });

  test("logout of a session that is gone is fine, and its token is revoked", async () => {
    const login = await at.logIn(phone);
    await at.deps.sessions.deleteSessions([sessionIdOf(login.sessionId)]);
    await at.call("logout", {}, { token: login.token });
    expect(await refusedCode(at.call("getMe", {}, { token: login.token }))).toBe("UNAUTHORIZED");
  });

  test("sessions are listed with the current one marked; a foreign or unknown one cannot be ended", async () => {
    const phoneOne = await at.logIn(phone);
    const phoneTwo = await at.logIn(phone);
    const stranger = await at.logIn("+14155550002");
    const { items } = await at.call("listSessions", {}, { token: phoneTwo.token });
    expect(items.map(({ sessionId, isCurrent }) => [sessionId, isCurrent])).toEqual([
      [phoneOne.sessionId, false],
      [phoneTwo.sessionId, true],
    ]);
    const foreign = at.call("deleteSession", { sessionId: phoneOne.sessionId }, { token: stranger.token });
    expect(await refusedCode(foreign)).toBe("NOT_FOUND");
    await at.call("deleteSession", { sessionId: phoneOne.sessionId }, { token: phoneTwo.token });
    const again = at.call("deleteSession", { sessionId: phoneOne.sessionId }, { token: phoneTwo.token });
    expect(await refusedCode(again)).toBe("NOT_FOUND");
    expect(at.auditTypes()).toContain("session.revoked");
  });

  test("last_active_at follows the use of the API, once a minute at most", async () => {
    const login = await at.logIn(phone);
    const lastActive = async () => (await sessionOf(login))?.lastActiveAtMs ?? 0;
    const use = async () => {
      await at.call("getMe", {}, { token: login.token });
      await at.clock.settle();
    };
    await use();
    const first = await lastActive();
    await at.clock.advance(59_999);
    await use();
    expect(await lastActive()).toBe(first);
    await at.clock.advance(1);
    at.fail("sessions.touch");
    await use();
    at.heal("sessions.touch");
    await at.clock.advance(60_000);
    await use();
    expect(await lastActive()).toBe(at.clock.nowMs());
  });

  test("all other sessions end, then all of them", async () => {
    const logins = [];
    for (let device = 0; device < 3; device += 1) {
      logins.push(await at.verify(phone, await at.requestCode(phone, `203.0.113.${device}`), at.ids.uuid()));
    }
    const current = logins[2] as LoggedIn;
    const others = await at.call("deleteSessions", {}, { token: current.token });
    expect(others.revokedCount).toBe(2);
    expect((await at.call("listSessions", {}, { token: current.token })).items).toHaveLength(1);
    const all = await at.call("deleteSessions", { includeCurrent: true }, { token: current.token });
    expect(all.revokedCount).toBe(1);
    for (const { token } of logins) {
      expect(await refusedCode(at.call("getMe", {}, { token }))).toBe("UNAUTHORIZED");
    }
  });

  test("revocation_fail_secure: when tokens cannot be revoked nothing is deleted", async () => {
    const login = await at.logIn(phone);
    at.fail("revocation.revoke");
    expect(await refusedCode(at.call("logout", {}, { token: login.token }))).toBe("SERVICE_UNAVAILABLE");
    at.heal("revocation.revoke");
    expect((await refresh(login, login)).token).toBeTruthy();
  });

  test("token_revocation_effective: a refresh that runs beside the end of its session leaves no token alive", async () => {
    const login = await at.logIn(phone);
    const other = await at.logIn(phone);
    let slipped: Tokens | undefined;
    // The refresh completes after the deletion has read the session, at its last chance: just before the freeze.
    at.fail("revocation.revoke", async (tokens) => {
      at.heal("revocation.revoke");
      slipped = await refresh(login, login);
      return at.deps.revocation.revoke(tokens as never);
    });
    await at.call("deleteSession", { sessionId: login.sessionId }, { token: other.token });
    expect(slipped?.token).toBeTruthy();
    expect(await refusedCode(at.call("getMe", {}, { token: slipped?.token ?? "" }))).toBe("UNAUTHORIZED");
    expect(await sessionOf(login)).toBeUndefined();
  });

  test("news that cannot be told do not undo the end of a session", async () => {
    const login = await at.logIn(phone);
    at.fail("revocation.announce");
    await at.call("logout", {}, { token: login.token });
    expect(await sessionOf(login)).toBeUndefined();
  });
});
