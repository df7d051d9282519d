/**
 * Goal: the invariants of the security contract hold over the whole API. Method: the API in-process on a virtual
 * clock; where an invariant is about the shape of the program, its sources.
 */
import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { testSettings } from "../../src/chatmgmt/chatmgmt-fixture.ts";
import { isSocketPath } from "../../src/gateway/upgrade.ts";
import type { AuditEvent, AuditEventType } from "../../src/shared/auth/audit.ts";
import { restLimitsDefault } from "../../src/shared/rpc/guard.ts";
import { defineCommand } from "../../src/shared/stores/sqlite/command.ts";
import { root, sourceFiles } from "../architecture/source-files.ts";
import {
  codeDevice,
  newPhone,
  openRestWorld,
  type RestRequest,
  type RestWorld,
  routeOf,
  routes,
} from "./rest-world.ts";

let world: RestWorld;
beforeEach(async () => {
  world = await openRestWorld();
});
afterEach(() => world.at.storage.close());

const minuteMs = 60_000;

/** A limit: what is sent, how often it passes, and when it passes again. */
interface LimitRow {
  readonly limit: string;
  readonly allowed: number;
  readonly windowMs: number;
  readonly request: (index: number) => RestRequest | Promise<RestRequest>;
}

const asOwner = (verb: string, path: string, body?: Readonly<Record<string, unknown>>): RestRequest => ({
  verb,
  path,
  token: world.owner.token,
  headers: {},
  body,
});
const codeRequest = (phoneNumber: string): RestRequest => ({
  ...asOwner("POST", "/auth/request-otp", { phone_number: phoneNumber }),
  token: undefined,
});
const wrongCode = (): RestRequest => ({
  ...asOwner("POST", "/auth/verify-otp", { phone_number: newPhone, otp: "000001", device_id: codeDevice }),
  token: undefined,
  headers: { "x-device-id": codeDevice },
});

const { otp, lookup, groups } = testSettings.limits;
const limitRows: readonly LimitRow[] = [
  {
    limit: "L6 codes per phone",
    allowed: otp.perPhone,
    windowMs: 15 * minuteMs,
    request: () => codeRequest(newPhone),
  },
  {
    limit: "L7 codes per address",
    allowed: otp.perIp,
    windowMs: 15 * minuteMs,
    request: (index) => codeRequest(`+1415555${8000 + index}`),
  },
  { limit: "L8 L9 wrong codes", allowed: otp.failures, windowMs: 15 * minuteMs, request: wrongCode },
  {
    limit: "L11 refreshes",
    allowed: restLimitsDefault.refreshPerMinute,
    windowMs: minuteMs,
    request: () => ({
      ...asOwner("POST", "/auth/refresh", { refresh_token: "A".repeat(43) }),
      headers: { "x-device-id": world.owner.deviceId },
    }),
  },
  {
    limit: "L12 reads",
    allowed: restLimitsDefault.readPerMinute,
    windowMs: minuteMs,
    request: () => asOwner("GET", "/users/me"),
  },
  {
    limit: "L12 writes",
    allowed: restLimitsDefault.writePerMinute,
    windowMs: minuteMs,
    request: (index) => asOwner("PATCH", "/users/me", { display_name: `Alice ${index}` }),
  },
  {
    limit: "L12 delivery status",
    allowed: restLimitsDefault.statusPerMinute,
    windowMs: minuteMs,
    request: () => asOwner("GET", `/chats/${world.groupId}/delivery-status`),
  },
  {
    limit: "L13 lookups in a minute",
    allowed: lookup.perMinute,
    windowMs: minuteMs,
    request: () => asOwner("POST", "/users/lookup", { phone_numbers: [world.member.phoneNumber] }),
  },
  {
    limit: "L24 groups in a day",
    allowed: groups.perDay - 1,
    windowMs: 24 * 60 * minuteMs,
    request: (index) =>
      asOwner("POST", "/chats", { type: "group", name: `G${index}`, member_ids: [world.member.userId] }),
  },
  {
    limit: "L27 public endpoints per address",
    allowed: restLimitsDefault.publicPerMinute,
    windowMs: minuteMs,
    request: () => ({ ...asOwner("GET", "/"), token: undefined }),
  },
];

test.each(limitRows.map((row) => [row.limit, row] as const))(
  "rate_limit_enforcement: %s, the next is RATE_LIMITED, and passes when the window is over",
  async (_, { allowed, windowMs, request }) => {
    // A look-up takes time: the windows of this table are measured from the first request.
    for (let index = 0; index < allowed; index += 1) {
      const { status } = await world.send(await request(index));
      expect([index, status === 429]).toEqual([index, false]);
    }
    const audited = world.at.audited.length;
    const refused = await world.send(await request(allowed));
    expect([refused.status, refused.body.error.code]).toEqual([429, "RATE_LIMITED"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(windowMs / 1000);
    expect(refused.headers.get("x-ratelimit-remaining")).toBe("0");
    expect(world.at.audited.slice(audited).map(({ type }) => type)).toEqual(["access.rate_limited"]);
    await world.at.clock.advance(Number(refused.headers.get("retry-after")) * 1000);
    expect((await world.send(freshToken(await request(allowed + 1)))).status).not.toBe(429);
  },
);

/** After a day of waiting the token has expired: that is not what is asked here. */
function freshToken(request: RestRequest): RestRequest {
  if (request.token !== undefined) world.at.fail("accessTokens.verify", async () => callerOf(request));
  return request;
}

function callerOf(_: RestRequest) {
  const { userId, sessionId } = world.owner;
  return {
    userId,
    sessionId,
    tokenId: "01FRESH",
    expiresAtMs: world.at.clock.nowMs() + minuteMs,
    expired: false,
  };
}

test.each(routes.map((route) => [route.method.localName, route] as const))(
  "rate_limit_fail_secure: %s while nothing can be counted",
  async (name, route) => {
    const request = await world.good(name);
    for (const method of ["take", "peek", "flag", "setFlag", "reset"]) world.at.fail(`rateLimiter.${method}`);
    const reply = await world.send(request);
    const deniedWithoutLimiter = name === "requestOtp" || name === "verifyOtp";
    expect([reply.status, reply.body?.error?.code]).toEqual(
      deniedWithoutLimiter ? [503, "SERVICE_UNAVAILABLE"] : [route.rule.success, undefined],
    );
  },
);

test.each(routes.filter(({ rule }) => rule.access === 2).map(({ method }) => method.localName))(
  "revocation_fail_secure: %s while revocations cannot be looked up",
  async (name) => {
    const request = await world.good(name);
    world.at.fail("revocation.areRevoked", () => {
      throw new Error("connection refused");
    });
    const reply = await world.send(request);
    expect([reply.status, reply.body.error.code, reply.body.error.message]).toEqual([
      503,
      "SERVICE_UNAVAILABLE",
      "Authentication service temporarily unavailable",
    ]);
    expect(world.at.auditTypes().at(-1)).toBe("revocation_check_failed");
  },
);

describe("token_revocation_effective", () => {
  const endings: readonly (readonly [string, () => Promise<RestRequest>])[] = [
    ["logout", () => world.good("logout")],
    [
      "the session's end from another one",
      async () => asOwner("DELETE", `/sessions/${world.owner.sessionId}`),
    ],
    ["the end of all sessions", async () => asOwner("DELETE", "/sessions?include_current=true")],
    ["the end of the account", () => world.good("deleteMe")],
  ];

  test.each(endings)(
    "after %s every token of the session is refused at once, and its sockets are told",
    async (_, ending) => {
      const { at, owner } = world;
      const reply = await world.send(await ending());
      expect(reply.status).toBeLessThan(300);
      for (const name of ["getMe", "listChats", "createChat", "logout"]) {
        const refused = await world.send({ ...(await world.good(name)), token: owner.token });
        expect([refused.status, refused.body.error.details.reason]).toEqual([401, "token_revoked"]);
      }
      expect(at.announced.map(({ userId }) => userId)).toEqual([owner.userId]);
    },
  );
});

const revokedRows = defineCommand<null, readonly unknown[][]>({
  name: "test.revoked",
  kind: "read",
  run: (db) => db.query("SELECT * FROM revoked_tokens").values() as unknown[][],
});
const tableNames = defineCommand<null, readonly string[]>({
  name: "test.tables",
  kind: "read",
  run: (db: Database) =>
    db
      .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => name),
});

test("revocation_single_mechanism: one table of token ids, none kept for longer than a token lives", async () => {
  const { at } = world;
  const user = await at.logIn("+14155559911");
  await at.logIn("+14155559911", user.deviceId);
  await world.send(await world.good("logout"));
  await world.send({ ...(await world.good("deleteMe")), token: world.outsider.token });
  const rows = await at.storage.run(revokedRows, null);
  expect(rows.length).toBeGreaterThan(2);
  for (const [, expiresAtMs] of rows) {
    expect(Number(expiresAtMs)).toBeLessThanOrEqual(at.clock.nowMs() + 3600_000);
  }
  const names = await at.storage.run(tableNames, null);
  expect(names.filter((name) => /revo|denied|black/i.test(name))).toEqual(["revoked_tokens"]);
});

test("session_device_binding: a refresh from another device is DEVICE_MISMATCH and changes nothing", async () => {
  const request = await world.good("refreshToken");
  const headers = { "x-device-id": codeDevice };
  const refused = await world.send({ ...request, headers });
  expect([refused.status, refused.body.error.code]).toEqual([401, "DEVICE_MISMATCH"]);
  expect((await world.send(request)).status).toBe(200);
});

/** What each operation leaves on the security record, in order, and what stands in the first of them. */
const auditRows: readonly (readonly [string, readonly AuditEventType[], () => Promise<RestRequest>])[] = [
  ["a request for a code", ["auth.otp_requested"], () => world.good("requestOtp")],
  ["a login", ["auth.otp_verified", "session.created"], () => world.good("verifyOtp")],
  ["a wrong code", ["auth.otp_failed"], async () => wrongCode()],
  ["a refresh", ["auth.token_refreshed"], () => world.good("refreshToken")],
  [
    "a stolen refresh token",
    ["auth.refresh_token_reuse"],
    async () => {
      const request = await world.good("refreshToken");
      expect((await world.send(request)).status).toBe(200);
      return request;
    },
  ],
  ["a logout", ["auth.logout"], () => world.good("logout")],
  ["the end of a session", ["session.revoked"], () => world.good("deleteSession")],
  ["a look-up", ["user.lookup"], () => world.good("lookupUsers")],
  [
    "a stranger in a chat",
    ["access.membership_violation"],
    async () => ({ ...(await world.good("getChat")), token: world.outsider.token }),
  ],
  [
    "a role that does not suffice",
    ["access.denied"],
    async () => ({ ...(await world.good("updateChat")), token: world.member.token }),
  ],
];

test.each(auditRows)("security_event_logged: %s leaves %p", async (_, types, makeRequest) => {
  const request = await makeRequest();
  const before = world.at.audited.length;
  const reply = await world.send({ ...request, headers: { ...request.headers, "user-agent": "test/1" } });
  const records = world.at.audited.slice(before).filter(({ type }) => type !== "abuse.enumeration_suspected");
  expect(records.map(({ type }) => type)).toEqual([...types]);
  for (const record of records) expectComplete(record, reply.headers.get("x-request-id"));
});

function expectComplete(record: AuditEvent, requestId: string | null): void {
  expect(record.requestId).toBe(requestId);
  expect(record.actor.ipAddress).toBe("192.0.2.7");
  expect(["success", "failure", "denied"]).toContain(record.outcome);
  if (record.type === "auth.otp_requested" || record.type === "auth.otp_failed") {
    expect(record.target).toEqual({ type: "phone", resourceId: expect.stringMatching(/^[0-9a-f]{64}$/) });
  } else {
    expect(record.actor.userId).toMatch(/^user_/);
  }
  if (record.type === "auth.otp_failed") {
    expect(record.details).toMatchObject({ attempt_number: 1, remaining_attempts: 4 });
  }
  if (record.type.startsWith("access.")) {
    expect(record.target).toEqual({ type: "chat", resourceId: world.groupId });
    expect(record.sessionId).toMatch(/^sess_/);
  }
}

test("auth_endpoints_no_gateway: no path of the API is a gateway's, and gateway sources know none of them", async () => {
  for (const { template } of routes) expect([template, isSocketPath(template)]).toEqual([template, false]);
  expect(routeOf("verifyOtp").template).toBe("/api/v1/auth/verify-otp");
  for (const file of sourceFiles("src/gateway").filter(({ isTest }) => !isTest)) {
    expect([file.path, /["'`]\/?(api\/v1\/)?auth\//.test(file.code)]).toEqual([file.path, false]);
  }
});

test("four_service_preserved: gateway, ingest, fanout and chat management, and no other service", () => {
  const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(rooms.toSorted()).toEqual(["chatmgmt", "cli", "fanout", "gateway", "ingest", "shared"]);
});

/** Both sides come from the store: no caller sees how long the comparison takes. */
const harmless = ["now.otpMac === record.otpMac", "record.otpMac !== otpMac"];

test("constant time: no secret is compared with an operator", () => {
  const secret =
    /[\w.?]*(?:otpMac|[rR]efreshTokenHash|previousTokenHash|[pP]epper|internalToken|metricsToken|secret)\b/;
  const comparison = new RegExp(
    `(?:${secret.source})\\s*[!=]==?\\s*[\\w."'\`]+|[\\w.]+\\s*[!=]==?\\s*(?:${secret.source})`,
    "g",
  );
  const found = sourceFiles("src")
    .filter(({ isTest }) => !isTest)
    .flatMap(({ path, code }) => [...code.matchAll(comparison)].map(([hit]) => `${path}: ${hit}`))
    .filter((hit) => !/(undefined|null)$/.test(hit) && !harmless.some((known) => hit.endsWith(known)));
  expect(found).toEqual([]);
});
