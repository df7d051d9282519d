/**
 * Goal: the socket protocol as a client meets it. Method: a real server process, sockets made by hand.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AnyJson, type Person, StandaloneServer, until } from "./standalone-server.ts";

let server: StandaloneServer;
let alice: Person;
let bob: Person;
let carol: Person;
let mallory: Person;

beforeAll(async () => {
  server = await StandaloneServer.start();
  [alice, bob, carol, mallory] = (await Promise.all([1, 2, 3, 4].map(() => server.logIn()))) as [
    Person,
    Person,
    Person,
    Person,
  ];
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

let requests = 0;
const requestId = (): string => `r_${++requests}`;
function sendOf(chatId: string, content = "hello", id: string = crypto.randomUUID()) {
  return {
    type: "send_message",
    request_id: requestId(),
    payload: { client_message_id: id, chat_id: chatId, content },
  };
}
function syncOf(chatId: string, after: number, limit?: number) {
  return {
    type: "sync_request",
    request_id: requestId(),
    payload: { chat_id: chatId, last_acked_sequence: after, ...(limit === undefined ? {} : { limit }) },
  };
}
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const sequences = (frames: readonly AnyJson[]): readonly number[] =>
  frames.map((frame) => frame.payload.sequence);
/** Silence is proven by an answer that could only come after. */
async function heartbeat(socket: Awaited<ReturnType<StandaloneServer["connect"]>>): Promise<AnyJson> {
  return socket.ask({ type: "heartbeat", request_id: requestId(), payload: {} });
}
/** A token whose parts are ours to forge. */
function forged(token: string, header: object, change: object, sign: (input: string) => string): string {
  const [, payload = ""] = token.split(".");
  const claims = { ...JSON.parse(Buffer.from(payload, "base64url").toString()), ...change };
  const input = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${input}.${sign(input)}`;
}

describe("handshake", () => {
  test("WS-H-01 WS-H-08 connection_established_required version_consistency: the first frame names all", async () => {
    const socket = await server.open(`/ws/v1?device_id=${alice.deviceId}`, bearer(alice.token));
    expect(socket.status).toBe(101);
    expect(socket.headers.get("sec-websocket-extensions")).toBeUndefined();
    const first = await socket.next("connection_established");
    expect(socket.all[0]).toEqual(first);
    expect(first.request_id).toBeUndefined();
    expect(first.payload).toEqual({
      connection_id: expect.stringMatching(/^conn_[0-9A-HJKMNP-TV-Z]{26}$/),
      user_id: alice.userId,
      device_id: alice.deviceId,
      server_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      heartbeat_interval_ms: 5000,
      protocol_version: 1,
    });
    socket.close();
  });

  test("WS-H-02 the token in the query works, with a warning in the log and never in it", async () => {
    const socket = await server.open(`/ws/v1?device_id=${alice.deviceId}&token=${alice.token}`);
    expect(socket.status).toBe(101);
    await socket.next("connection_established");
    socket.close();
    await until("the warning is logged", () => server.log.includes("token_in_query"));
    expect(server.log.includes(alice.token)).toBe(false);
  });

  test("W-5 W-7 the older path and the device in the header work too", async () => {
    const socket = await server.open("/v1/ws", { ...bearer(alice.token), "X-Device-ID": alice.deviceId });
    expect(socket.status).toBe(101);
    socket.close();
  });

  test.each<[string, () => string, number, string]>([
    ["WS-H-03 no token", () => "", 400, "invalid_request"],
    ["WS-H-03 nonsense", () => "nonsense", 401, "invalid_token"],
    ["WS-H-03 a changed signature", () => `${alice.token.slice(0, -6)}AAAAAA`, 401, "invalid_token"],
    [
      "WS-H-03 algorithm none",
      () => forged(alice.token, { alg: "none", typ: "JWT" }, {}, () => ""),
      401,
      "invalid_token",
    ],
    [
      "WS-H-03 another user's id under the old signature",
      () =>
        forged(
          alice.token,
          JSON.parse(Buffer.from(alice.token.split(".")[0] ?? "", "base64url").toString()),
          { sub: bob.userId },
          () => alice.token.split(".")[2] ?? "",
        ),
      401,
      "invalid_token",
    ],
    [
      "WS-H-04 expired under the old signature",
      () => forged(alice.token, { alg: "RS256" }, { exp: 1 }, () => "x"),
      401,
      "invalid_token",
    ],
  ])("%s is refused with JSON", async (_name, token, status, error) => {
    const socket = await server.open(
      `/ws/v1?device_id=${alice.deviceId}`,
      token() === "" ? {} : bearer(token()),
    );
    expect([socket.status, socket.json.error]).toEqual([status, error]);
    expect(socket.json.message).toBeString();
  });

  test("WS-H-03 HS256 with the public key as its secret is refused", async () => {
    const keys = JSON.parse(await Bun.file(`${server.dataDir}/keys/signing-keys.json`).text());
    const jwk = (keys.keys as AnyJson[])[0];
    for (const secret of [JSON.stringify({ kty: "RSA", n: jwk.n, e: jwk.e }), jwk.n ?? jwk.jwk?.n]) {
      const [head = ""] = alice.token.split(".");
      const { kid } = JSON.parse(Buffer.from(head, "base64url").toString());
      const token = forged(alice.token, { alg: "HS256", typ: "JWT", kid }, {}, (input) =>
        new Bun.CryptoHasher("sha256", String(secret)).update(input).digest("base64url"),
      );
      const socket = await server.open(`/ws/v1?device_id=${alice.deviceId}`, bearer(token));
      expect([socket.status, socket.json.error]).toEqual([401, "invalid_token"]);
    }
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ["WS-H-05 no device", "/ws/v1", {}, 400, "invalid_request"],
    ["WS-H-05 a device that is no UUID", "/ws/v1?device_id=abc", {}, 400, "invalid_request"],
    [
      "W-7 two devices that differ",
      `/ws/v1?device_id=${crypto.randomUUID()}`,
      { "X-Device-ID": crypto.randomUUID() },
      400,
      "invalid_request",
    ],
    [
      "W-7 two tokens that differ",
      `/ws/v1?device_id=${crypto.randomUUID()}&token=other`,
      {},
      400,
      "invalid_request",
    ],
    ["WS-H-06 version 2", "/ws/v2", {}, 400, "unsupported_version"],
    ["a version that is no number", "/ws/vX", {}, 404, "not_found"],
    ["no upgrade header", `/ws/v1?device_id=${crypto.randomUUID()}`, { Upgrade: "" }, 400, "invalid_request"],
  ])("%s", async (_name, path, headers, status, error) => {
    const socket = await server.open(path, { ...bearer(alice.token), ...headers });
    expect([socket.status, socket.json.error]).toEqual([status, error]);
    if (error === "unsupported_version") {
      expect(socket.json.details).toEqual({ supported_versions: [1], requested_version: 2 });
    }
  });

  test("WS-H-07 revocation_fail_secure: a logged out session's token is refused and its open socket ends", async () => {
    const person = await server.logIn();
    const socket = await server.connect(person);
    const out = await server.rest("POST", "/api/v1/auth/logout", { token: person.token, body: {} });
    expect(out.status).toBeLessThan(300);
    const closing = await socket.next("connection_closing");
    expect(closing.payload).toMatchObject({ reason: "session_revoked", reconnect_allowed: false });
    expect((await socket.closed()).code).toBe(1008);
    const again = await server.open(`/ws/v1?device_id=${person.deviceId}`, bearer(person.token));
    expect([again.status, again.json.error]).toEqual([401, "token_revoked"]);
  });

  test("duplicate_connection: the same device's newer socket replaces the older", async () => {
    const older = await server.connect(alice);
    const newer = await server.connect(alice);
    const closing = await older.next("connection_closing");
    expect(closing.payload).toMatchObject({ reason: "duplicate_connection", reconnect_allowed: false });
    expect((await older.closed()).code).toBe(1008);
    expect((await heartbeat(newer)).type).toBe("heartbeat_ack");
    newer.close();
  });
});

describe("messages", () => {
  test("WS-M-01 WS-M-03 WS-M-08 send_ack_matches_request server_push_no_request_id: number n + 1, echo, push", async () => {
    const chat = await server.group(alice, bob);
    const [a, b] = [await server.connect(alice), await server.connect(bob)];
    for (const expected of [1, 2, 3]) {
      const frame = sendOf(chat, `text ${expected}`);
      const ack = await a.ask(frame);
      expect(ack.type).toBe("send_message_ack");
      expect(ack.payload).toMatchObject({
        client_message_id: frame.payload.client_message_id,
        chat_id: chat,
        sequence: expected,
      });
      const push = await b.next("message");
      expect(push.request_id).toBeUndefined();
      expect(push.payload).toEqual({
        message_id: ack.payload.message_id,
        chat_id: chat,
        sequence: expected,
        sender_id: alice.userId,
        content: `text ${expected}`,
        content_type: "text/plain",
        created_at: ack.payload.created_at,
      });
    }
  });

  test("WS-M-02 E2E-5.3 idempotency_preserved_across_connections: a repeated id gives the first answer, one message", async () => {
    const chat = await server.group(alice, bob);
    const frame = sendOf(chat);
    const first = await (await server.connect(alice)).ask(frame);
    const second = await (await server.connect(alice)).ask({ ...frame, request_id: requestId() });
    expect(second.payload).toEqual(first.payload);
    expect(await server.messages(alice, chat)).toHaveLength(1);
  });

  test("WS-M-04 request_response_correlation no_silent_message_loss W-17: 60 pipelined sends, each answered once, in order", async () => {
    const chat = await server.group(alice, bob);
    const socket = await server.connect(alice);
    const frames = Array.from({ length: 60 }, (_, n) => sendOf(chat, `text ${n}`));
    for (const frame of frames) socket.send(frame);
    const acks = [];
    for (const { request_id } of frames)
      acks.push(await socket.next("send_message_ack", (ack) => ack.request_id === request_id));
    expect(sequences(acks)).toEqual(frames.map((_, n) => n + 1));
    expect((await server.messages(alice, chat)).map(({ content }) => content)).toEqual(
      frames.map((_, n) => `text ${n}`),
    );
    expect(socket.frames).toEqual([]);
  });

  test("WS-M-05 WS-M-06 E2E-5.2 S-8 sync_returns_ordered sync_completeness reconnect_heals: all above the cursor, page by page", async () => {
    const chat = await server.group(alice, bob);
    const a = await server.connect(alice);
    for (let n = 0; n < 23; n++) await a.ask(sendOf(chat, `text ${n}`));
    const b = await server.connect(bob);
    const got: number[] = [];
    for (let after = 5, more = true; more; ) {
      const { payload } = await b.ask(syncOf(chat, after, 7));
      got.push(...payload.messages.map(({ sequence }: AnyJson) => sequence));
      more = payload.has_more;
      if (more) expect(payload.next_sequence).toBe((got.at(-1) ?? 0) + 1);
      else expect(payload.next_sequence).toBeUndefined();
      after = got.at(-1) ?? after;
    }
    expect(got).toEqual(Array.from({ length: 18 }, (_, n) => n + 6));
    expect((await b.ask(syncOf(chat, 23))).payload).toEqual({ chat_id: chat, messages: [], has_more: false });
    expect((await b.ask(syncOf(chat, 10 ** 9))).payload.messages).toEqual([]);
  });

  test("WS-M-07 one_way_messages_no_response watermark_bounded_by_counter: acks are never answered, and count", async () => {
    const chat = await server.group(alice, bob);
    const a = await server.connect(alice);
    for (let n = 0; n < 5; n++) await a.ask(sendOf(chat));
    const b = await server.connect(bob);
    const ack = (value: number, chatId = chat): void =>
      b.send({
        type: "ack",
        request_id: "will-be-ignored",
        payload: { chat_id: chatId, last_acked_sequence: value },
      });
    const watermark = async (): Promise<number | undefined> => {
      const { body } = await server.rest("GET", "/api/v1/delivery-state", { token: bob.token });
      return body.data.find((state: AnyJson) => state.chat_id === chat)?.last_acked_sequence;
    };
    for (const value of [3, 5, 4]) ack(value);
    await until("the watermark is 5", async () => (await watermark()) === 5);
    ack(99);
    ack(2);
    ack(1, "chat_unknown");
    for (let n = 0; n < 20; n++) await heartbeat(b);
    expect(await watermark()).toBe(5);
    expect(b.frames.filter(({ type }) => type !== "message")).toEqual([]);
  });

  test("WS-M-09 security_authority rate_limit_precedes_sequencing: a stranger sends and reads nothing, nothing is stored", async () => {
    const chat = await server.group(alice, bob);
    const socket = await server.connect(mallory);
    for (const chatId of [chat, "chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7"]) {
      expect((await socket.ask(sendOf(chatId))).payload.code).toBe("NOT_A_MEMBER");
      expect((await socket.ask(syncOf(chatId, 0))).payload.code).toBe("NOT_A_MEMBER");
    }
    expect(await server.messages(alice, chat)).toEqual([]);
  });

  test("W-14 the sender's other device gets the message, the sending connection does not", async () => {
    const chat = await server.group(alice, bob);
    const second = await server.logIn(alice.phoneNumber);
    const [here, there] = [await server.connect(alice), await server.connect(second)];
    await here.ask(sendOf(chat, "from here"));
    expect((await there.next("message")).payload.content).toBe("from here");
    await heartbeat(here);
    expect(here.all.filter(({ type }) => type === "message")).toEqual([]);
  });

  test("REST-08 what REST serves equals what the socket said", async () => {
    const chat = await server.group(alice, bob);
    const { payload } = await (await server.connect(alice)).ask(sendOf(chat, "naïve 👨‍👩‍👧‍👦"));
    const [message] = await server.messages(bob, chat);
    expect(message).toMatchObject({
      message_id: payload.message_id,
      sequence: 1,
      created_at: payload.created_at,
      content: "naïve 👨‍👩‍👧‍👦",
    });
  });
});

describe("several people", () => {
  test("E2E-5.1 two people talk in a direct chat: 1 and 2 on both sides and over REST", async () => {
    const { body } = await server.rest("POST", "/api/v1/chats", {
      token: alice.token,
      body: { type: "direct", member_ids: [bob.userId] },
    });
    const chat = body.data.chat_id;
    const [a, b] = [await server.connect(alice), await server.connect(bob)];
    expect((await a.ask(sendOf(chat, "one"))).payload.sequence).toBe(1);
    expect((await b.next("message")).payload).toMatchObject({ sequence: 1, content: "one" });
    expect((await b.ask(sendOf(chat, "two"))).payload.sequence).toBe(2);
    expect((await a.next("message")).payload).toMatchObject({ sequence: 2, content: "two" });
    for (const person of [alice, bob]) {
      expect((await server.messages(person, chat)).map(({ content }) => content)).toEqual(["one", "two"]);
    }
  });

  test("E2E-5.4 sequence_in_message_is_valid sequence_dense: three people, ten concurrent sends each: one order of 1 to 30", async () => {
    const chat = await server.group(alice, bob, carol);
    const sockets = await Promise.all([alice, bob, carol].map((person) => server.connect(person)));
    for (let n = 0; n < 10; n++)
      for (const [who, socket] of sockets.entries()) socket.send(sendOf(chat, `${who} ${n}`));
    const views = await Promise.all(
      sockets.map(async (socket, who) => {
        const seen = new Map<number, string>();
        for (let n = 0; n < 10; n++) {
          const ack = await socket.next("send_message_ack");
          seen.set(ack.payload.sequence, ack.payload.message_id);
        }
        for (let n = 0; n < 20; n++) {
          const push = await socket.next("message");
          expect(push.payload.content.startsWith(`${who} `)).toBe(false);
          seen.set(push.payload.sequence, push.payload.message_id);
        }
        return [...seen].toSorted(([a], [b]) => a - b);
      }),
    );
    expect(views[0]?.map(([sequence]) => sequence)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
    expect(views[1]).toEqual(views[0] as never);
    expect(views[2]).toEqual(views[0] as never);
  });

  test("E2E-5.5 two chats number apart", async () => {
    const [x, y] = [await server.group(alice, bob), await server.group(alice, carol)];
    const socket = await server.connect(alice);
    expect(
      [await socket.ask(sendOf(x)), await socket.ask(sendOf(y))].map(({ payload }) => payload.sequence),
    ).toEqual([1, 1]);
  });

  test("CM-07 a removed member neither sends nor syncs", async () => {
    const chat = await server.group(alice, bob, carol);
    const socket = await server.connect(bob);
    expect((await socket.ask(sendOf(chat))).type).toBe("send_message_ack");
    await server.rest("DELETE", `/api/v1/chats/${chat}/members/${bob.userId}`, { token: alice.token });
    expect((await socket.ask(sendOf(chat))).payload.code).toBe("NOT_A_MEMBER");
    expect((await socket.ask(syncOf(chat, 0))).payload.code).toBe("NOT_A_MEMBER");
  });
});
