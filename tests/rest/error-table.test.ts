/**
 * Goal: every endpoint gives every error that the contract names for it, in the contract's form. Method: a table of
 * endpoint and code against the whole API in-process; what all endpoints share is driven by their descriptors.
 */
import { afterEach, expect, test } from "bun:test";
import { testSettings } from "../../src/chatmgmt/chatmgmt-fixture.ts";
import type { ErrorCode } from "../../src/shared/domain/errors.ts";
import { Access } from "../../src/shared/gen/messaging/v1/rest_pb.js";
import { httpErrors } from "../../src/shared/http/error-edge.ts";
import { errorCodesOf } from "../../src/shared/http/openapi/error-responses.ts";
import type { RestRoute } from "../../src/shared/http/rest-routes.ts";
import {
  openRestWorld,
  type Reply,
  type RestRequest,
  type RestWorld,
  routeOf,
  routes,
  unknownChat,
  unknownUser,
} from "./rest-world.ts";

let world: RestWorld;
afterEach(async () => {
  await world.at.storage.close();
});

/** Everything that a denial may say: its sentence, and the names of its details. */
const denials: Readonly<Record<string, readonly (readonly [sentence: string, ...details: string[]])[]>> = {
  UNAUTHORIZED: [
    ["Authentication is required", "reason"],
    ["The access token is not valid", "reason"],
    ["The access token has expired", "reason", "expired_at"],
    ["The access token has been revoked", "reason"],
  ],
  INVALID_OTP: [["The code is wrong or no longer valid"]],
  INVALID_REFRESH_TOKEN: [["The refresh token is not valid, log in again"]],
  DEVICE_MISMATCH: [["The session belongs to another device, log in again"]],
  FORBIDDEN: [["Your role does not allow this", "required_role", "your_role"]],
  NOT_A_MEMBER: [["You are not a member of this chat"]],
  USER_NOT_FOUND: [["A user named in the request does not exist", "user_ids"]],
  NOT_FOUND: [
    ["There is no such chat"],
    ["There is no such message in this chat"],
    ["There is no such session"],
    ["There is no such user"],
    ["This user is not a member of the chat"],
    ["There is nothing here"],
  ],
};

/** The refusal's form: status and code, request id in header and body, rate headers, and nothing that leaks. */
function expectRefusal(reply: Reply, code: ErrorCode): void {
  expect([reply.status, reply.body?.error?.code]).toEqual([httpErrors[code].status, httpErrors[code].code]);
  const { error } = reply.body;
  if ([401, 403, 404].includes(reply.status)) {
    expect(denials[error.code]).toContainEqual([error.message, ...Object.keys(error.details ?? {})]);
  }
  expect(Object.keys(reply.body)).toEqual(["error"]);
  expect(error.message).toBeString();
  expect(error.request_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(reply.headers.get("x-request-id")).toBe(error.request_id);
  for (const name of ["limit", "remaining", "reset"])
    expect(reply.headers.get(`x-ratelimit-${name}`)).toMatch(/^\d+$/);
  expect(reply.headers.get("retry-after") === null).toBe(reply.status !== 429);
  expect(reply.headers.get("www-authenticate") === null).toBe(reply.status !== 401);
  expect(reply.headers.get("content-type")).toBe("application/json");
  expect(reply.headers.get("cache-control")).toBe("no-store");
  expect(JSON.stringify(error)).not.toMatch(/\.ts|SQL|sqlite|stack|Error:| at \//i);
}

type Scenario = (name: string) => Promise<RestRequest>;

const bodyOf = (request: RestRequest): Readonly<Record<string, unknown>> =>
  typeof request.body === "object" ? request.body : {};
const inChat = (request: RestRequest, chatId: string): RestRequest => ({
  ...request,
  path: request.path.replace(/chat_[0-9A-Za-z]+/, chatId),
});
const onUser = (request: RestRequest, userId: string): RestRequest => ({
  ...request,
  path: request.path.replace(/user_[0-9A-Za-z]+/, userId),
});
const keyed = (request: RestRequest): RestRequest => ({
  ...request,
  headers: { ...request.headers, "idempotency-key": "550e8400-e29b-41d4-a716-446655440000" },
});

const byOutsider: Scenario = async (name) => ({ ...(await world.good(name)), token: world.outsider.token });
const byMember: Scenario = async (name) => ({ ...(await world.good(name)), token: world.member.token });
const unknownChatOf: Scenario = async (name) => inChat(await world.good(name), unknownChat);
const directChatOf: Scenario = async (name) => inChat(await world.good(name), world.directId);
const onUnknownUser: Scenario = async (name) => onUser(await world.good(name), unknownUser);
const onOwner: Scenario = async (name) => onUser(await world.good(name), world.owner.userId);
const keyReused: Scenario = async (name) => {
  const request = keyed(await world.good(name));
  expect((await world.send(request)).status).toBe(201);
  const other = name === "createChat" ? { name: "Other" } : { role: "admin" };
  return { ...request, body: { ...bodyOf(request), ...other } };
};
/** The first of two requests with one key still runs: its claim stands, its effect does not. */
const keyRunning: Scenario = async (name) => {
  const request = keyed(await world.good(name));
  const store = name === "createChat" ? "chats.createGroup" : "chats.addMember";
  const held = Promise.withResolvers<never>();
  held.promise.catch(() => undefined);
  world.at.fail(store, () => held.promise);
  const first = world.send(request);
  first.catch(() => undefined);
  await world.at.clock.settle();
  world.at.heal(store);
  return request;
};

/** Own errors, beyond what every endpoint can give. */
const table: Readonly<Record<string, Readonly<Partial<Record<ErrorCode, Scenario>>>>> = {
  requestOtp: {
    RATE_LIMITED: async (name) => {
      const request = await world.good(name);
      for (let count = 0; count < 3; count += 1) expect((await world.send(request)).status).toBe(200);
      return request;
    },
  },
  verifyOtp: {
    INVALID_OTP: async (name) => {
      const request = await world.good(name);
      const otp = bodyOf(request)["otp"] === "123456" ? "654321" : "123456";
      return { ...request, body: { ...bodyOf(request), otp } };
    },
    RATE_LIMITED: async (name) => {
      const request = await world.good(name);
      const otp = bodyOf(request)["otp"] === "123456" ? "654321" : "123456";
      const wrong = { ...request, body: { ...bodyOf(request), otp } };
      for (let count = 0; count < 5; count += 1) expect((await world.send(wrong)).status).toBe(401);
      return request;
    },
  },
  refreshToken: {
    INVALID_REFRESH_TOKEN: async (name) => {
      const request = await world.good(name);
      return { ...request, body: { refresh_token: "A".repeat(43) } };
    },
    DEVICE_MISMATCH: async (name) => {
      const request = await world.good(name);
      return { ...request, headers: { "x-device-id": "00000000-0000-4000-8000-000000000001" } };
    },
  },
  deleteMe: {
    // Of two calls at once both pass the guard before either has revoked the token.
    NOT_FOUND: async (name) => {
      const request = await world.good(name);
      expect((await world.send(request)).status).toBe(204);
      world.at.fail("revocation.areRevoked", () => [false]);
      return request;
    },
  },
  getUser: { NOT_FOUND: onUnknownUser },
  createChat: {
    USER_NOT_FOUND: async (name) => {
      const request = await world.good(name);
      return { ...request, body: { ...bodyOf(request), member_ids: [unknownUser] } };
    },
    CONFLICT: keyRunning,
    IDEMPOTENCY_KEY_REUSED: keyReused,
    UNPROCESSABLE_ENTITY: async (name) => {
      const { groups } = testSettings.limits;
      await world.at.storage.close();
      world = await openRestWorld({
        ...testSettings,
        limits: { ...testSettings.limits, groups: { ...groups, perUser: 1 } },
      });
      return world.good(name);
    },
  },
  getChat: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  updateChat: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: unknownChatOf,
    INVALID_OPERATION: directChatOf,
    FORBIDDEN: byMember,
  },
  addMember: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: unknownChatOf,
    INVALID_OPERATION: directChatOf,
    CHAT_FULL: async (name) => {
      const { groups } = testSettings.limits;
      await world.at.storage.close();
      world = await openRestWorld({
        ...testSettings,
        limits: { ...testSettings.limits, groups: { ...groups, members: 3 } },
      });
      return world.good(name);
    },
    FORBIDDEN: byMember,
    USER_NOT_FOUND: async (name) => ({ ...(await world.good(name)), body: { user_id: unknownUser } }),
    ALREADY_A_MEMBER: async (name) => ({
      ...(await world.good(name)),
      body: { user_id: world.member.userId },
    }),
    CONFLICT: keyRunning,
    IDEMPOTENCY_KEY_REUSED: keyReused,
  },
  removeMember: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: onUnknownUser,
    INVALID_OPERATION: onOwner,
    FORBIDDEN: async (name) => onUser(await byMember(name), world.admin.userId),
  },
  changeRole: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: onUnknownUser,
    INVALID_OPERATION: onOwner,
    FORBIDDEN: async (name) => ({ ...(await world.good(name)), token: world.admin.token }),
  },
  leaveChat: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: unknownChatOf,
    INVALID_OPERATION: async (name) => ({ ...(await world.good(name)), token: world.owner.token }),
  },
  muteChat: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  unmuteChat: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  listMessages: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  getMessage: {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: async (name) => {
      const request = await world.good(name);
      return { ...request, path: request.path.replace(/msg_\w+/, "msg_01HQX7Z9Y8K4M3N2P1Q0R5S6T7") };
    },
  },
  getMessagesAround: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  getDeliveryStatus: { NOT_A_MEMBER: byOutsider, NOT_FOUND: unknownChatOf },
  setDeliveryState: watermarkErrors(),
  setDeliveryStateAlias: watermarkErrors(),
  deleteSession: {
    NOT_FOUND: async (name) => ({
      ...(await world.good(name)),
      path: "/sessions/sess_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    }),
  },
};

function watermarkErrors(): Readonly<Partial<Record<ErrorCode, Scenario>>> {
  return {
    NOT_A_MEMBER: byOutsider,
    NOT_FOUND: unknownChatOf,
    INVALID_SEQUENCE: async (name) => ({ ...(await world.good(name)), body: { last_acked_sequence: 4 } }),
  };
}

test("every error that an endpoint names has a row, and no row is without its endpoint", async () => {
  world = await openRestWorld();
  const named = routes.flatMap(({ method, rule }) =>
    rule.errors.map((code) => `${method.localName} ${code}`),
  );
  const rows = Object.entries(table).flatMap(([name, errors]) =>
    Object.keys(errors).map((code) => `${name} ${code}`),
  );
  expect(rows.toSorted()).toEqual(named.toSorted());
});

const rows = Object.entries(table).flatMap(([name, errors]) =>
  Object.entries(errors).map(([code, scenario]) => [name, code as ErrorCode, scenario] as const),
);

test.each(rows)("%s refuses with %s", async (name, code, scenario) => {
  world = await openRestWorld();
  const request = await scenario(name);
  expectRefusal(await world.send(request), code);
  expect(world.internalErrors).toEqual([]);
  expect(world.answers.at(-1)).toMatchObject({ code: httpErrors[code].code, route: routeOf(name).template });
});

type Named = readonly [name: string, route: RestRoute];
const named: readonly Named[] = routes.map((route) => [route.method.localName, route]);
const withToken = named.filter(([, { rule }]) => rule.access !== Access.PUBLIC);
const withBody = named.filter(([, { hasBody }]) => hasBody);

test.each(named)("%s succeeds as the contract says", async (name, route) => {
  world = await openRestWorld();
  const reply = await world.send(await world.good(name));
  expect(reply.status).toBe(route.rule.success);
  expect(reply.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

test.each(withToken)("REST-01 %s: token missing, invalid, expired, revoked", async (name, route) => {
  world = await openRestWorld();
  const request = await world.good(name);
  const mayBeOver = route.rule.access === Access.EXPIRED_USER;
  for (const [reason, token] of await badTokens(request)) {
    if (mayBeOver && (reason === "token_expired" || reason === "token_revoked")) continue;
    const reply = await world.send({ ...request, token });
    expectRefusal(reply, "UNAUTHORIZED");
    expect(reply.body.error.details).toMatchObject({ reason });
  }
});

test.each(withBody)("%s: a body that is no object, cut in half, of another type", async (name) => {
  world = await openRestWorld();
  const request = await world.good(name);
  const whole = JSON.stringify(request.body ?? { a: 1 });
  for (const body of [whole.slice(0, whole.length / 2), "[]", "null", '"text"', "{", "{}{}", "\u0000"]) {
    expectRefusal(await world.send({ ...request, body }), "BAD_REQUEST");
  }
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
    "",
  ]) {
    const headers = { ...request.headers, "content-type": type };
    expectRefusal(await world.send({ ...request, headers, body: whole }), "BAD_REQUEST");
  }
});

test.each(withBody)("%s: a body over 64 KiB", async (name) => {
  world = await openRestWorld();
  const large = await world.send({ ...(await world.good(name)), body: `{"a":"${"x".repeat(65_536)}"}` });
  expectRefusal(large, "PAYLOAD_TOO_LARGE");
  expect(large.body.error.details).toEqual({ max_bytes: 65_536, received_bytes: 65_544 });
});

test.each(named)("REST-06 %s: too many requests, and when to come back", async (name) => {
  world = await openRestWorld();
  const request = await world.good(name);
  const refusedBy = { key: "any", limit: 60, remaining: 0, resetAtMs: world.at.clock.nowMs() + 30_000 };
  world.at.fail("rateLimiter.take", () => ({
    allowed: false,
    states: [refusedBy],
    refusedBy,
    retryAfterMs: 29_500,
  }));
  const reply = await world.send(request);
  expectRefusal(reply, "RATE_LIMITED");
  expect(reply.headers.get("retry-after")).toBe("30");
  expect(reply.body.error.details).toEqual({
    limit: expect.any(Number),
    window_seconds: 60,
    retry_after_seconds: 30,
  });
});

test.each(named)(
  "%s: every documented error is in this file, in the field tests or in the fault tests",
  (name, route) => {
    const elsewhere = ["VALIDATION_ERROR", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"];
    const here = ["BAD_REQUEST", "PAYLOAD_TOO_LARGE", "UNAUTHORIZED", "RATE_LIMITED"];
    for (const code of errorCodesOf(route)) {
      expect([...here, ...elsewhere, ...Object.keys(table[name] ?? {})]).toContain(code);
    }
  },
);

async function badTokens(request: RestRequest): Promise<readonly (readonly [string, string | undefined])[]> {
  const { at, outsider } = world;
  const iat = Math.floor(at.clock.nowMs() / 1000) - 7200;
  const claims = {
    sub: outsider.userId,
    sid: outsider.sessionId as never,
    jti: "01EXPIRED",
    iat,
    exp: iat + 3600,
  };
  const revoked = await at.deps.accessTokens.sign({ ...claims, jti: "01REVOKED", exp: iat + 9000 });
  await at.revocation.revoke([{ jti: "01REVOKED", expiresAtMs: (iat + 9000) * 1000 }]);
  return [
    ["token_missing", undefined],
    ["token_invalid", `${request.token}x.y`],
    ["token_expired", await at.deps.accessTokens.sign(claims)],
    ["token_revoked", revoked],
  ];
}

test("no_information_leakage: every denial says one of these sentences", async () => {
  world = await openRestWorld();
  const { member, outsider, owner } = world;
  const code = { "x-device-id": "00000000-0000-4000-8000-000000000001" };
  const login = { otp: "123456", device_id: code["x-device-id"] };
  const paths: readonly (readonly [ErrorCode, RestRequest])[] = [
    ["NOT_FOUND", { verb: "GET", path: "/admin", token: owner.token, headers: {}, body: undefined }],
    // A number that nobody has, and one that somebody has: the same words.
    ...["+14155559999", member.phoneNumber].map((phone_number): readonly [ErrorCode, RestRequest] => [
      "INVALID_OTP",
      {
        verb: "POST",
        path: "/auth/verify-otp",
        token: undefined,
        headers: code,
        body: { phone_number, ...login },
      },
    ]),
    // A message, a member, a session of somewhere else: as if they were not there.
    ["NOT_A_MEMBER", { ...(await world.good("getMessage")), token: outsider.token }],
    ["NOT_FOUND", { ...(await world.good("deleteSession")), token: member.token }],
  ];
  for (const [expected, request] of paths) expectRefusal(await world.send(request), expected);
});
