/**
 * Goal: the handlers' answers pass the REST edge as the contract prints them: status, envelope, nulls, numbers.
 * Method: one user's journey through the mounted routes with the real guard, from the first code to the logout.
 */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Hono } from "hono";
import { ChatMgmtService } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { mountRest } from "../shared/http/mount-rest.ts";
import { createRestEdge, type HttpEnv } from "../shared/http/rest-edge.ts";
import { createGuard, restLimitsDefault } from "../shared/rpc/guard.ts";
import { createMemoryRateLimiter } from "../shared/stores/rate-limiter.memory.ts";
import { chatIdOf, type Fixture, openFixture } from "./chatmgmt-fixture.ts";
import { createChatMgmtService } from "./chatmgmt-service.ts";

let at: Fixture;
let app: Hono<HttpEnv>;

beforeEach(async () => {
  at = await openFixture();
  const guard = createGuard({
    verifyAccessToken: (token, options) => at.deps.accessTokens.verify(token, options),
    revocation: at.revocation,
    limiter: createMemoryRateLimiter(at.clock, { keysMax: 1000 }),
    limits: restLimitsDefault,
    clock: at.clock,
    rateLimitsEnabled: true,
    warn: () => undefined,
  });
  const edge = createRestEdge({
    guard,
    ids: at.ids,
    clock: at.clock,
    trustedProxyHops: 0,
    cors: [],
    hstsMaxAgeSeconds: undefined,
    onAnswer: () => undefined,
    onInternalError: (error) => {
      throw error;
    },
  });
  app = new Hono<HttpEnv>();
  mountRest({
    app,
    edge,
    service: ChatMgmtService,
    implementation: createChatMgmtService(at.deps),
    bodyBytesMax: 65_536,
  });
});
afterEach(async () => {
  await at.storage.close();
});

interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the point is to look at whatever JSON came.
  readonly body: any;
  readonly headers: Headers;
}

async function rest(
  verb: string,
  path: string,
  options: { token?: string | undefined; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
  if (options.body !== undefined) headers.set("content-type", "application/json");
  const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
  const request = new Request(`http://triplane.test/api/v1${path}`, { method: verb, headers, ...body });
  const response = await app.fetch(request, { socketAddress: "192.0.2.7" });
  const text = await response.text();
  return {
    status: response.status,
    body: text === "" ? undefined : JSON.parse(text),
    headers: response.headers,
  };
}

async function logIn(phoneNumber: string, deviceId: string): Promise<Reply> {
  const requested = await rest("POST", "/auth/request-otp", { body: { phone_number: phoneNumber } });
  expect(requested.status).toBe(200);
  expect(requested.body.data).toEqual({
    phone_number: phoneNumber,
    expires_at: expect.any(String),
    retry_after_seconds: 60,
  });
  await at.clock.settle();
  return rest("POST", "/auth/verify-otp", {
    headers: { "x-device-id": deviceId },
    body: { phone_number: phoneNumber, otp: at.codeFor(phoneNumber), device_id: deviceId },
  });
}

test("from the first code to the logout", async () => {
  const [aliceDevice, bobDevice] = [at.ids.uuid(), at.ids.uuid()];
  const alice = await logIn("+14155550001", aliceDevice);
  expect(alice.status).toBe(201);
  expect(Object.keys(alice.body.data)).toEqual(["user", "session", "tokens", "is_new_user"]);
  expect(alice.body.data.user.display_name).toBeNull();
  const bob = await logIn("+14155550002", bobDevice);
  const again = await logIn("+14155550002", bobDevice);
  expect([bob.status, again.status]).toEqual([201, 200]);
  const token: string = alice.body.data.tokens.access_token;
  const bobId: string = bob.body.data.user.user_id;

  const renamed = await rest("PATCH", "/users/me", { token, body: { display_name: "Alice" } });
  expect(renamed.body.data.display_name).toBe("Alice");
  expect((await rest("GET", `/users/${bobId}`, { token })).body.data).toEqual({
    user_id: bobId,
    display_name: null,
    created_at: expect.any(String),
  });

  const body = { type: "direct", member_ids: [bobId] };
  const created = await rest("POST", "/chats", { token, body });
  const repeated = await rest("POST", "/chats", { token, body });
  expect([created.status, repeated.status]).toEqual([201, 200]);
  expect(repeated.headers.get("x-idempotent-replay")).toBe("true");
  expect(created.body.data.name).toBeNull();
  const chatId: string = created.body.data.chat_id;

  const sender = { userId: alice.body.data.user.user_id } as never;
  await at.send(chatIdOf(chatId), sender, "See you at three");
  const history = await rest("GET", `/chats/${chatId}/messages?limit=1`, { token });
  expect(history.body).toEqual({
    data: [
      {
        message_id: expect.any(String),
        chat_id: chatId,
        sequence: 1,
        sender_id: alice.body.data.user.user_id,
        sender: { user_id: alice.body.data.user.user_id, display_name: "Alice" },
        content: "See you at three",
        content_type: "text/plain",
        created_at: expect.any(String),
      },
    ],
    pagination: { has_more: false, next_cursor: null, prev_cursor: null },
  });
  const message = history.body.data[0];
  expect((await rest("GET", `/chats/${chatId}/messages/${message.message_id}`, { token })).body.data).toEqual(
    message,
  );
  const around = await rest("GET", `/chats/${chatId}/messages/around/1`, { token });
  expect(around.body.data).toEqual({
    target_sequence: 1,
    messages: [message],
    has_more_before: false,
    has_more_after: false,
  });

  const list = await rest("GET", "/chats", { token });
  expect(list.body.data[0]).toMatchObject({
    chat_id: chatId,
    other_member: { user_id: bobId, display_name: null },
    my_membership: { role: "member", muted_until: null },
    last_message: { sequence: 1, content_preview: "See you at three" },
    pending_ack_count: 1,
  });
  const detail = await rest("GET", `/chats/${chatId}`, { token });
  expect(detail.body.data).toMatchObject({ current_sequence: 1, my_membership: { last_acked_sequence: 0 } });

  const set = await rest("PATCH", `/chats/${chatId}/delivery-state`, {
    token,
    body: { last_acked_sequence: 1 },
  });
  expect(Object.keys(set.body)).toEqual(["chat_id", "user_id", "last_acked_sequence", "updated_at"]);
  const alias = await rest("PATCH", `/delivery-state/${chatId}`, { token, body: { last_acked_sequence: 1 } });
  expect(Object.keys(alias.body.data)).toEqual(["chat_id", "last_acked_sequence", "updated_at"]);
  const beyond = await rest("PATCH", `/chats/${chatId}/delivery-state`, {
    token,
    body: { last_acked_sequence: 2 },
  });
  expect([beyond.status, beyond.body.error.code]).toEqual([422, "INVALID_SEQUENCE"]);
  const state = await rest("GET", `/delivery-state?chat_ids=${chatId}`, { token });
  expect(state.body.data).toMatchObject([{ last_acked_sequence: 1, current_sequence: 1, unread_count: 0 }]);
  const status = await rest("GET", `/chats/${chatId}/delivery-status`, { token });
  expect(status.body.delivery_summary).toEqual({
    sequence: 1,
    delivered_count: 1,
    pending_count: 1,
    all_delivered: false,
  });

  const mute = await rest("POST", `/chats/${chatId}/mute`, { token });
  expect(mute.body.data).toEqual({ chat_id: chatId, muted_until: "9999-12-31T23:59:59.999Z" });
  expect((await rest("POST", `/chats/${chatId}/unmute`, { token })).body.data.muted_until).toBeNull();
  expect((await rest("POST", `/chats/${chatId}/leave`, { token })).status).toBe(400);

  const refreshed = await rest("POST", "/auth/refresh", {
    token,
    headers: { "x-device-id": aliceDevice },
    body: { refresh_token: alice.body.data.tokens.refresh_token },
  });
  expect([refreshed.status, Object.keys(refreshed.body.data)]).toEqual([200, ["tokens"]]);
  const sessions = await rest("GET", "/sessions", { token });
  expect(sessions.body.data).toMatchObject([{ device_id: aliceDevice, is_current: true }]);
  const others = await rest("DELETE", "/sessions?include_current=false", { token });
  expect([others.status, others.body]).toEqual([200, { data: { revoked_count: 0 } }]);
  const out = await rest("POST", "/auth/logout", { token });
  expect([out.status, out.body]).toEqual([204, undefined]);
  const me = await rest("GET", "/users/me", { token });
  expect([me.status, me.body.error.details.reason]).toEqual([401, "token_revoked"]);
  const gone = await rest("POST", "/auth/refresh", {
    token,
    headers: { "x-device-id": aliceDevice },
    body: { refresh_token: refreshed.body.data.tokens.refresh_token },
  });
  expect([gone.status, gone.body.error.code]).toEqual([401, "INVALID_REFRESH_TOKEN"]);
});

test("AUTH-09, REST-06 a refused code request says when to come back", async () => {
  const body = { phone_number: "+14155550001" };
  for (let count = 0; count < 3; count += 1) await rest("POST", "/auth/request-otp", { body });
  const refused = await rest("POST", "/auth/request-otp", { body });
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("900");
  expect(refused.body.error).toMatchObject({
    code: "RATE_LIMITED",
    details: { limit: 3, window_seconds: 900, retry_after_seconds: 900 },
  });
});

test("DELETE /users/me answers 204, and the token is worth nothing from then on", async () => {
  const [ann, bob] = await at.createUsers(2);
  const direct = await rest("POST", "/chats", {
    token: ann?.token,
    body: { type: "direct", member_ids: [bob?.userId] },
  });
  const deleted = await rest("DELETE", "/users/me", { token: ann?.token });
  expect([deleted.status, deleted.body]).toEqual([204, undefined]);
  for (const verb of ["GET", "DELETE"]) {
    const refused = await rest(verb, "/users/me", { token: ann?.token });
    expect([refused.status, refused.body.error.details.reason]).toEqual([401, "token_revoked"]);
  }
  const seen = await rest("GET", `/chats/${direct.body.data.chat_id}`, { token: bob?.token });
  expect([seen.status, seen.body.data.member_count]).toEqual([200, 2]);
  expect(
    seen.body.data.members.find((member: { user_id: string }) => member.user_id === ann?.userId),
  ).toMatchObject({ display_name: "Deleted user" });
});
