/**
 * Goal: profiles show what they may, and the lookup of phone numbers tells neither by time nor by shape who exists.
 * Method: handlers on the embedded stores with a virtual clock and counted store calls.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createSqliteUserStore } from "../shared/stores/user-store.sqlite.ts";
import {
  type Fixture,
  type LoggedIn,
  openFixture,
  refusal,
  refusedCode,
  sessionIdOf,
} from "./chatmgmt-fixture.ts";
import { longestSequentialRun } from "./lookup-suspicion.ts";

let at: Fixture;
let alice: LoggedIn;
let bob: LoggedIn;

beforeEach(async () => {
  at = await openFixture();
  [alice, bob] = (await at.createUsers(2)) as [LoggedIn, LoggedIn];
});
afterEach(async () => {
  await at.storage.close();
});

/** The lookup's answer and how long it took on the virtual clock. */
async function lookUp(...phoneNumbers: string[]) {
  const startMs = at.clock.monotonicMs();
  let tookMs: number | undefined;
  const answer = at.call("lookupUsers", { phoneNumbers }, { token: alice.token }).finally(() => {
    tookMs = at.clock.monotonicMs() - startMs;
  });
  answer.catch(() => undefined);
  await at.clock.runUntil(() => tookMs !== undefined, 10_000);
  return { answer: await answer, tookMs: tookMs ?? 0 };
}

describe("profiles", () => {
  test("the own profile has the phone number, a public one never", async () => {
    const me = await at.call("getMe", {}, { token: alice.token });
    expect(me).toMatchObject({ userId: alice.userId, phoneNumber: alice.phoneNumber, displayName: "User 0" });
    const other = await at.call("getUser", { userId: bob.userId }, { token: alice.token });
    expect(Object.keys(other).toSorted()).toEqual(["$typeName", "createdAt", "displayName", "userId"]);
    expect(await refusedCode(at.call("getUser", { userId: at.ids.userId() }, { token: alice.token }))).toBe(
      "NOT_FOUND",
    );
  });

  test("a new name is there at once and moves updated_at; nothing to change is refused", async () => {
    await at.clock.advance(1000);
    const me = await at.call("updateMe", { displayName: "Alice" }, { token: alice.token });
    expect(me.displayName).toBe("Alice");
    expect(Date.parse(me.updatedAt) - Date.parse(me.createdAt)).toBe(1000);
    expect((await at.call("getMe", {}, { token: alice.token })).displayName).toBe("Alice");
    expect(await refusedCode(at.call("updateMe", {}, { token: alice.token }))).toBe("VALIDATION_ERROR");
  });

  test("the API describes itself", async () => {
    expect(await at.call("getApiInfo", {})).toMatchObject({
      version: "1.0.0",
      apiVersion: "v1",
      documentationUrl: "/api/v1/openapi.yaml",
      capabilities: { maxMessageSizeBytes: 4096, maxChatMembers: 100, maxChatsPerUser: 1000 },
    });
  });
});

describe("lookup", () => {
  test("finds the registered, names the others, and records the call without a number", async () => {
    const { answer } = await lookUp("+14155559999", bob.phoneNumber, bob.phoneNumber);
    expect(answer.users).toMatchObject([
      { phoneNumber: bob.phoneNumber, userId: bob.userId, displayName: "User 1" },
    ]);
    expect(answer.notFound).toEqual(["+14155559999"]);
    const record = at.audited.find((event) => event.type === "user.lookup");
    expect(record?.details).toEqual({ phone_numbers: 2, matches: 1 });
    expect(JSON.stringify(at.audited)).not.toContain(bob.phoneNumber.slice(1));
  });

  test("hit and miss: the same calls, and 200 to 300 ms either way", async () => {
    // The first call of a minute notes that the session is in use.
    await at.call("getMe", {}, { token: alice.token });
    at.calls.length = 0;
    const hit = await lookUp(bob.phoneNumber);
    const callsOfHit = at.calls.splice(0);
    const miss = await lookUp("+14155559999");
    expect(at.calls).toEqual(callsOfHit);
    for (const { tookMs } of [hit, miss]) {
      expect(tookMs).toBeGreaterThanOrEqual(200);
      expect(tookMs).toBeLessThanOrEqual(301);
    }
  });

  test("work that takes longer is padded to the next multiple of 50 ms", async () => {
    at.fail("users.findByPhone", async () => {
      await new Promise<void>((resolve) => {
        at.clock.setTimer(317, resolve);
      });
      return [undefined];
    });
    expect((await lookUp("+14155559999")).tookMs).toBe(350);
  });

  test("10 a minute, sliding; a limiter that is down lets pass", async () => {
    for (let count = 0; count < 10; count += 1) await lookUp(bob.phoneNumber);
    const error = await refusal(
      at.call("lookupUsers", { phoneNumbers: [bob.phoneNumber] }, { token: alice.token }),
    );
    expect(error.details).toMatchObject({ limit: 10, window_seconds: 60 });
    at.fail("rateLimiter.take");
    expect((await lookUp(bob.phoneNumber)).answer.users).toHaveLength(1);
  });

  test("100 an hour", async () => {
    for (let count = 0; count < 100; count += 1) {
      await lookUp(bob.phoneNumber);
      await at.clock.advance(6000);
    }
    const error = await refusal(
      at.call("lookupUsers", { phoneNumbers: [bob.phoneNumber] }, { token: alice.token }),
    );
    expect(error.details).toMatchObject({ limit: 100, window_seconds: 3600 });
  });

  test("suspicion is recorded: a young account, sequential numbers, few matches", async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => `+1999555${String(index).padStart(4, "0")}`);
    await lookUp(...numbers);
    const reasons = () =>
      at.audited.filter((event) => event.type === "abuse.enumeration_suspected").map((event) => event.reason);
    expect(reasons()).toEqual(["young_account", "sequential_numbers", "few_matches"]);
    expect(longestSequentialRun(["+12", "+10", "+11", "+15"])).toBe(3);
  });

  /** Numbers far apart, that nobody has. */
  const strangers = (count: number, from: number) =>
    Array.from({ length: count }, (_, index) => `+1888${String((from + index) * 7).padStart(7, "0")}`);
  const reasons = () =>
    at.audited.filter((event) => event.type === "abuse.enumeration_suspected").map((event) => event.reason);

  async function growUp(): Promise<void> {
    await at.clock.advance(25 * 3600 * 1000);
    const live = { jti: at.ids.ulid(), exp: Math.floor(at.clock.nowMs() / 1000) + 3600 };
    const claims = { sub: alice.userId, sid: sessionIdOf(alice.sessionId), ...live };
    const token = await at.deps.accessTokens.sign({ ...claims, iat: Math.floor(at.clock.nowMs() / 1000) });
    alice = { ...alice, token };
  }

  test("few matches count over the calls of a day", async () => {
    await growUp();
    for (const from of [0, 100, 200]) await lookUp(...strangers(33, from));
    expect(reasons()).toEqual([]);
    await lookUp(bob.phoneNumber);
    expect(reasons()).toEqual(["few_matches", "no_chat_followed"]);
    await at.clock.advance(24 * 3600 * 1000);
    await growUp();
    await lookUp(bob.phoneNumber);
    expect(reasons()).toHaveLength(2);
  });

  test("many numbers of users, and no chat followed; one chat clears it", async () => {
    await growUp();
    const others = Array.from({ length: 20 }, (_, index) => `+1415666${String(index * 11).padStart(4, "0")}`);
    await createSqliteUserStore(at.storage).createUsers(
      others.map((phoneNumber) => ({
        userId: at.ids.userId(),
        phoneNumber,
        displayName: null,
        createdAtMs: at.clock.nowMs(),
        updatedAtMs: at.clock.nowMs(),
      })),
    );
    await lookUp(...others, ...strangers(80, 0));
    expect(reasons()).toEqual(["no_chat_followed"]);
    await at.call("createChat", { type: "direct", memberIds: [bob.userId] }, { token: alice.token });
    await lookUp(...others);
    expect(reasons()).toEqual(["no_chat_followed"]);
  });
});
