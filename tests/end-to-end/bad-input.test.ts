/**
 * Goal: nothing that a client sends harms the server, and each mistake gets its answer.
 * Method: a real server process, sockets made by hand; after each mistake the same connection still works, unless the
 * answer is a close.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { RawSocket } from "./raw-socket.ts";
import { type Person, StandaloneServer } from "./standalone-server.ts";

let server: StandaloneServer;
let alice: Person;
let bob: Person;
/** One that nobody has, until there is one: the table below is made before the server runs. */
let chat = "chat_01HQX123ABC";

beforeAll(async () => {
  server = await StandaloneServer.start();
  [alice, bob] = (await Promise.all([server.logIn(), server.logIn()])) as [Person, Person];
  chat = await server.group(alice, bob);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const uuid = "550e8400-e29b-41d4-a716-446655440000";
const sendOf = (change: object, requestId: unknown = "r1") => ({
  type: "send_message",
  request_id: requestId,
  payload: { client_message_id: uuid, chat_id: chat, content: "x", ...change },
});
const syncOf = (change: object) => ({
  type: "sync_request",
  request_id: "r1",
  payload: { chat_id: chat, last_acked_sequence: 0, ...change },
});
async function works(socket: RawSocket): Promise<void> {
  expect((await socket.ask({ type: "heartbeat", request_id: "still-here", payload: {} })).type).toBe(
    "heartbeat_ack",
  );
}

describe("frames", () => {
  test.each<[string, unknown, string, string | undefined, string | undefined]>([
    ["WS-E-01 no JSON", "{", "INVALID_MESSAGE", undefined, undefined],
    ["WS-E-01 an array", "[]", "INVALID_MESSAGE", undefined, undefined],
    ["WS-E-01 nothing", "", "INVALID_MESSAGE", undefined, undefined],
    ["WS-E-01 null", "null", "INVALID_MESSAGE", undefined, undefined],
    ["WS-E-01 no type", { request_id: "r1", payload: {} }, "INVALID_MESSAGE", "r1", "type"],
    [
      "WS-E-01 a type that is no text",
      { type: 5, request_id: "r1", payload: {} },
      "INVALID_MESSAGE",
      "r1",
      "type",
    ],
    ["WS-E-01 no payload", { type: "heartbeat", request_id: "r1" }, "INVALID_MESSAGE", "r1", "payload"],
    [
      "WS-E-01 a payload that is a list",
      { type: "heartbeat", request_id: "r1", payload: [] },
      "INVALID_MESSAGE",
      "r1",
      "payload",
    ],
    [
      "WS-E-02 no request id",
      { ...sendOf({}), request_id: undefined },
      "INVALID_MESSAGE",
      undefined,
      "request_id",
    ],
    [
      "WS-E-02 a request id of 37 characters",
      sendOf({}, "x".repeat(37)),
      "INVALID_MESSAGE",
      undefined,
      "request_id",
    ],
    ["WS-E-02 a request id with a blank", sendOf({}, "a b"), "INVALID_MESSAGE", undefined, "request_id"],
    ["WS-E-02 a request id that is a number", sendOf({}, 7), "INVALID_MESSAGE", undefined, "request_id"],
    [
      "WS-E-03 a client id that is no UUID",
      sendOf({ client_message_id: "not-a-uuid" }),
      "INVALID_MESSAGE",
      "r1",
      "client_message_id",
    ],
    [
      "WS-E-03 a chat id of the wrong form",
      sendOf({ chat_id: "chat_../../etc" }),
      "INVALID_MESSAGE",
      "r1",
      "chat_id",
    ],
    [
      "WS-E-03 a chat id that is an object",
      sendOf({ chat_id: { $ne: 1 } }),
      "INVALID_MESSAGE",
      "r1",
      "chat_id",
    ],
    ["WS-E-03 an empty text", sendOf({ content: "" }), "INVALID_MESSAGE", "r1", "content"],
    ["WS-E-03 a text that is a number", sendOf({ content: 5 }), "INVALID_MESSAGE", "r1", "content"],
    ["WS-E-03 4,097 bytes", sendOf({ content: "x".repeat(4097) }), "MESSAGE_TOO_LARGE", "r1", "content"],
    [
      "WS-E-03 another content type",
      sendOf({ content_type: "text/html" }),
      "INVALID_CONTENT_TYPE",
      "r1",
      "content_type",
    ],
    [
      "WS-E-03 a lone surrogate",
      `{"type":"send_message","request_id":"r1","payload":{"client_message_id":"${uuid}","chat_id":"chat_1","content":"\\ud800"}}`,
      "INVALID_ENCODING",
      "r1",
      "content",
    ],
    ["WS-E-03 a NUL", sendOf({ content: "a\u0000" }), "INVALID_CONTENT", "r1", "content"],
    ["WS-E-03 control characters alone", sendOf({ content: "\u0001" }), "INVALID_CONTENT", "r1", undefined],
    [
      "WS-E-03 a cursor below 0",
      syncOf({ last_acked_sequence: -1 }),
      "INVALID_MESSAGE",
      "r1",
      "last_acked_sequence",
    ],
    [
      "WS-E-03 a cursor of 1.5",
      syncOf({ last_acked_sequence: 1.5 }),
      "INVALID_MESSAGE",
      "r1",
      "last_acked_sequence",
    ],
    [
      "WS-E-03 a cursor of 2^53",
      syncOf({ last_acked_sequence: 2 ** 53 }),
      "INVALID_MESSAGE",
      "r1",
      "last_acked_sequence",
    ],
    ["W-12 a limit of 0", syncOf({ limit: 0 }), "INVALID_MESSAGE", "r1", "limit"],
    [
      "W-20 an ack of -1",
      { type: "ack", request_id: "r1", payload: { chat_id: "chat_1", last_acked_sequence: -1 } },
      "INVALID_MESSAGE",
      undefined,
      "last_acked_sequence",
    ],
    [
      "W-20 an ack of 0",
      { type: "ack", payload: { chat_id: "chat_1", last_acked_sequence: 0 } },
      "INVALID_MESSAGE",
      undefined,
      "last_acked_sequence",
    ],
  ])("error_code_is_documented %s", async (_name, frame, code, requestId, field) => {
    const socket = await server.connect(await server.logIn());
    socket.send(frame);
    const error = await socket.next("error");
    expect(error.payload.code).toBe(code);
    expect(error.request_id).toBe(requestId as never);
    if (field !== undefined) expect(error.payload.details.field).toBe(field);
    await works(socket);
    socket.destroy();
  });

  test("WS-E-04 an unknown type gets no answer, and unknown fields are ignored", async () => {
    const socket = await server.connect(alice);
    socket.send({ type: "wonder", request_id: "r1", payload: {} });
    socket.send({ type: "__proto__", request_id: "r1", payload: {} });
    await works(socket);
    expect(socket.frames).toEqual([]);
    const ack = await socket.ask({ ...sendOf({ wonder: 1 }, "r2"), wonder: 2, timestamp: 5 });
    expect(ack.type).toBe("send_message_ack");
  });

  test("W-12 a limit above 500 is treated as 500", async () => {
    const socket = await server.connect(alice);
    expect((await socket.ask(syncOf({ limit: 10_000 }))).type).toBe("sync_response");
  });

  test("W-6 65,537 bytes: MESSAGE_TOO_LARGE, unparsed, the connection lives; 65,536 pass", async () => {
    const socket = await server.connect(alice);
    const padded = (bytes: number): string => {
      const frame = JSON.stringify({ type: "heartbeat", request_id: "big", payload: {}, pad: "" });
      return frame.replace('"pad":""', `"pad":"${"x".repeat(bytes - frame.length)}"`);
    };
    socket.send(padded(65_537));
    const error = await socket.next("error");
    expect(error.request_id).toBeUndefined();
    expect(error.payload).toMatchObject({
      code: "MESSAGE_TOO_LARGE",
      details: { max_bytes: 65_536, received_bytes: 65_537 },
    });
    socket.send(padded(65_536));
    expect((await socket.next("heartbeat_ack")).request_id).toBe("big");
  });

  test("W-6 more than 1 MiB: close 1009", async () => {
    const socket = await server.connect(alice);
    socket.sendBytes(Buffer.alloc(1024 * 1024 + 1, "x"));
    expect((await socket.closed()).code).toBe(1009);
  });

  test("W-6 a binary frame: close 1003", async () => {
    const socket = await server.connect(alice);
    socket.sendBinary(Buffer.from('{"type":"heartbeat","payload":{}}'));
    expect((await socket.closed()).code).toBe(1003);
  });

  test("invalid UTF-8 in a text frame: close 1007", async () => {
    const socket = await server.connect(alice);
    socket.sendBytes(Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d));
    expect((await socket.closed()).code).toBe(1007);
  });

  test("ten invalid frames within a minute: connection_closing protocol_error, close 1008", async () => {
    const socket = await server.connect(alice);
    for (let n = 0; n < 10; n++) socket.send("{");
    const closing = await socket.next("connection_closing");
    expect(closing.payload).toMatchObject({ reason: "protocol_error", reconnect_allowed: true });
    expect(closing.request_id).toBeUndefined();
    expect((await socket.closed()).code).toBe(1008);
    expect(socket.all.filter(({ type }) => type === "error").length).toBeGreaterThanOrEqual(9);
  });

  test("a client that vanishes in the middle of a frame leaves nothing behind", async () => {
    const socket = await server.connect(alice);
    socket.sendRaw(1, Buffer.alloc(0));
    socket.destroy();
    await works(await server.connect(alice));
  });
});

describe("HTTP", () => {
  test("REST-01 REST-07 no, forged and expired tokens are refused on every kind of path", async () => {
    for (const token of [undefined, "x.y.z", `${alice.token}x`]) {
      const { status, body } = await server.rest(
        "GET",
        "/api/v1/users/me",
        token === undefined ? {} : { token },
      );
      expect([status, body.error.code]).toEqual([401, "UNAUTHORIZED"]);
      expect(body.error.request_id).toBeString();
    }
  });

  test.each<[string, string | object, number]>([
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["wrong types", { type: 5, member_ids: "x" }, 400],
    ["too few members", { type: "group", name: "x", member_ids: [] }, 400],
    ["a body above 64 KiB", { type: "group", name: "x".repeat(70_000), member_ids: [] }, 413],
  ])("a chat made of %s is refused", async (_name, body, status) => {
    const answer = await server.rest("POST", "/api/v1/chats", { token: alice.token, body });
    expect(answer.status).toBe(status);
  });

  test("internal services are not exposed, in no form and with no token", async () => {
    for (const path of [
      "messaging.v1.IngestService/PersistMessages",
      "messaging.v1.IngestService/SyncMessages",
      "messaging.v1.IngestService/AckDelivery",
      "messaging.v1.GatewayService/DeliverMessages",
    ]) {
      const { status } = await server.rest("POST", `/${path}`, { token: alice.token, body: {} });
      expect(`${path} ${status}`).toBe(`${path} 404`);
    }
  });

  test("ChatMgmtService answers Connect JSON to a user's token, and refuses without one", async () => {
    const path = "/messaging.v1.ChatMgmtService/GetMe";
    const known = await server.rest("POST", path, { token: alice.token, body: {} });
    expect(known.status).toBe(200);
    expect(JSON.stringify(known.body)).toContain(alice.userId);
    const unknown = await server.rest("POST", path, { body: {} });
    expect([unknown.status, unknown.body.code]).toEqual([401, "unauthenticated"]);
  });

  test("a chat of others and a chat that does not exist: 403 and 404", async () => {
    const stranger = await server.logIn();
    const foreign = await server.rest("GET", `/api/v1/chats/${chat}/messages`, { token: stranger.token });
    expect([foreign.status, foreign.body.error.code]).toEqual([403, "NOT_A_MEMBER"]);
    const none = await server.rest("GET", "/api/v1/chats/chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7", {
      token: alice.token,
    });
    expect(none.status).toBe(404);
  });

  test("a sequence and a message that do not exist", async () => {
    const around = await server.rest("GET", `/api/v1/chats/${chat}/messages/around/999999`, {
      token: alice.token,
    });
    expect([around.status, around.body.data.target_sequence]).toEqual([200, 999_999]);
    expect(around.body.data.has_more_after).toBe(false);
    const message = await server.rest(
      "GET",
      `/api/v1/chats/${chat}/messages/msg_01HQX7Z9Y8K4M3N2P1Q0R5S6T7`,
      { token: alice.token },
    );
    expect(message.status).toBe(404);
    const ahead = await server.rest("PATCH", `/api/v1/chats/${chat}/delivery-state`, {
      token: alice.token,
      body: { last_acked_sequence: 999_999 },
    });
    expect([ahead.status, ahead.body.error.code]).toEqual([422, "INVALID_SEQUENCE"]);
  });

  test("health endpoints: 200 and the promised body", async () => {
    for (const path of ["/health", "/ready", "/health/live"]) {
      const { status, body } = await server.rest("GET", path);
      expect([status, body.status, body.service]).toEqual([200, "healthy", "standalone"]);
    }
    const { body } = await server.rest("GET", "/health");
    expect(body.dependencies.sqlite.status).toBe("up");
    expect(Object.keys((await server.rest("GET", "/api/v1/health")).body).toSorted()).toEqual([
      "status",
      "timestamp",
    ]);
  });

  test("/dev/sms is there only where codes go to the log", async () => {
    expect((await server.rest("GET", "/dev/sms")).status).toBe(404);
  });
});
