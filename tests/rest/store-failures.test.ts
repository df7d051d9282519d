/**
 * Goal: a store or the limiter that fails in the middle of a request gives the contract's answer, leaves nothing
 * half-done, and the same request succeeds once the store is back. Method: every call that a good request makes to
 * anything outside, made to fail in turn, for every endpoint.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import { defineCommand } from "../../src/shared/stores/sqlite/command.ts";
import { openRestWorld, type RestRequest, type RestWorld, routes } from "./rest-world.ts";

let world: RestWorld;
afterEach(() => world.at.storage.close());

/** What a request does not depend on: events after the commit, news, marks, deliveries, counts given back. */
const goesOn = new Set([
  "eventLog.append",
  "revocation.announce",
  "restIdempotency.end",
  "sessions.touch",
  "sms.send",
  "rateLimiter.reset",
]);

/** The guards of one-time codes refuse when they cannot count; every other limit lets pass. */
const limitsFailClosed = new Set(["requestOtp", "verifyOtp"]);

function mayGoOn(name: string, call: string): boolean {
  return goesOn.has(call) || (call.startsWith("rateLimiter.") && !limitsFailClosed.has(name));
}

/** Tokens die first, so that a failure afterwards never leaves one alive: a repetition may find its own token dead. */
const revokesFirst = new Set(["logout", "deleteSession", "deleteSessions", "deleteMe"]);

/** Names for the answer are read after the commit: the change is whole, and a repetition finds it. */
const readsAfterCommit = new Set(["createChat chats.listMembers", "changeRole users.getUsers"]);

/** Everything stored, but tokens revoked before the rest: a session that then lives on has merely lost a token. */
const dumpTables = defineCommand<null, Readonly<Record<string, readonly unknown[]>>>({
  name: "test.dump",
  kind: "read",
  run(db) {
    const tables = db
      .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all();
    return Object.fromEntries(
      tables
        .filter(({ name }) => name !== "revoked_tokens" && !name.startsWith("sqlite_"))
        .map(({ name }) => [name, db.query(`SELECT * FROM "${name}"`).values()]),
    );
  },
});

const stored = async (): Promise<string> =>
  JSON.stringify(await world.at.storage.run(dumpTables, null), (_, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value,
  );

/** The calls of a good request to anything that can fail. */
async function callsOf(name: string): Promise<readonly string[]> {
  world = await openRestWorld();
  const request = await world.good(name);
  const before = world.at.calls.length;
  await world.send(request);
  await world.at.clock.settle();
  const calls = [...new Set(world.at.calls.slice(before))];
  await world.at.storage.close();
  // A token is checked in memory.
  return calls.filter((call) => call !== "accessTokens.verify" && call !== "revocation.subscribe");
}

const tried = new Map<string, readonly string[]>();
for (const { method } of routes) tried.set(method.localName, await callsOf(method.localName));
const cases = [...tried].flatMap(([name, calls]) => calls.map((call) => [name, call] as const));

test("every endpoint but the description depends on something", () => {
  const independent = [...tried].filter(([, calls]) => calls.length <= 1).map(([name]) => name);
  expect(independent).toEqual(["getApiInfo"]);
});

describe.each(cases)("fail_secure: %s while %s is down", (name, call) => {
  test("the contract's answer, nothing half-done, success once it is back", async () => {
    world = await openRestWorld();
    const { at } = world;
    const route = routes.find(({ method }) => method.localName === name);
    const request: RestRequest = await world.good(name);
    const before = await stored();
    at.fail(call);
    const audited = at.audited.length;
    const reply = await world.send(request);
    if (mayGoOn(name, call)) {
      expect(reply.status).toBe(route?.rule.success ?? 0);
      return;
    }
    expect([reply.status, reply.body?.error?.code]).toEqual([503, "SERVICE_UNAVAILABLE"]);
    expect(reply.headers.get("x-request-id")).toBe(reply.body.error.request_id);
    expect(reply.headers.get("retry-after")).toBeNull();
    expect(world.internalErrors).toEqual([]);
    const records = at.audited.slice(audited).map(({ type }) => type);
    expect(records).toEqual(call === "revocation.areRevoked" ? ["revocation_check_failed"] : []);
    if (!revokesFirst.has(name) && !readsAfterCommit.has(`${name} ${call}`)) {
      expect(await stored()).toBe(before);
    }
    at.heal(call);
    const again = await world.send(request);
    if (revokesFirst.has(name) && again.status === 401) {
      expect(again.body.error.details).toEqual({ reason: "token_revoked" });
    } else {
      expect([again.status, again.body?.error]).toEqual([route?.rule.success ?? 0, undefined]);
    }
  });
});

test.each(cases.filter(([name, call]) => !mayGoOn(name, call)))(
  "no_information_leakage: %s while %s throws what nobody expects: 500 without a word of it",
  async (name, call) => {
    world = await openRestWorld();
    const request = await world.good(name);
    world.at.fail(call, () => {
      throw new Error("marker: SELECT * FROM users at /srv/app.ts:1");
    });
    const reply = await world.send(request);
    // The checks of the guard and the codes' own parts answer for their store: it is not there.
    expect([500, 503]).toContain(reply.status);
    expect(JSON.stringify(reply.body)).not.toMatch(/marker|SELECT|users at|\.ts/);
    expect(reply.body.error.request_id).toBe(reply.headers.get("x-request-id"));
    if (reply.status === 500) {
      expect(reply.body.error).toEqual({
        code: "INTERNAL_ERROR",
        message: "Something went wrong on our side",
        request_id: expect.any(String),
      });
      const [error] = world.internalErrors;
      expect(error).toBeInstanceOf(TriplaneError);
      expect(String(error?.cause)).toContain("marker");
    }
  },
);

test("a group whose creation was not answered is found by its Idempotency-Key, once", async () => {
  world = await openRestWorld();
  const headers = { "idempotency-key": "550e8400-e29b-41d4-a716-446655440000" };
  const request = { ...(await world.good("createChat")), headers };
  world.at.fail("chats.listMembers");
  expect((await world.send(request)).status).toBe(503);
  world.at.heal("chats.listMembers");
  const replies = [await world.send(request), await world.send(request)];
  expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  expect(replies.map(({ headers: given }) => given.get("x-idempotent-replay"))).toEqual(["true", "true"]);
  const list = await world.send(await world.good("listChats"));
  expect(list.body.data.filter((chat: { name: string }) => chat.name === "New")).toHaveLength(1);
});

test.each([...revokesFirst])(
  "revocation_fail_secure: %s that fails after the revocation leaves no token alive",
  async (name) => {
    world = await openRestWorld();
    const request = await world.good(name);
    const me = { verb: "GET", path: "/users/me", token: request.token, headers: {}, body: undefined };
    world.at.fail(name === "deleteMe" ? "accounts.deleteAccount" : "sessions.deleteSessions");
    const path = name === "deleteSessions" ? "/sessions?include_current=true" : request.path;
    expect((await world.send({ ...request, path })).status).toBe(503);
    const reply = await world.send(me);
    expect([reply.status, reply.body.error.details.reason]).toEqual([401, "token_revoked"]);
  },
);
