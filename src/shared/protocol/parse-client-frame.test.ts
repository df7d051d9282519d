/**
 * Goal: every vector of the protocol's contract and every violation has its answer.
 * Method: tables; then generated JSON of any shape, which must never throw.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseClientFrame } from "./parse-client-frame.ts";
import { protocolLimits } from "./protocol-limits.ts";
import { utf8Bytes } from "./utf8-bytes.ts";

const ids = {
  request: "550e8400-e29b-41d4-a716-446655440000",
  client: "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
  chat: "chat_01HQX123ABC",
};
const send = (payload: object, rest: object = { request_id: ids.request }): string =>
  JSON.stringify({
    type: "send_message",
    ...rest,
    payload: { client_message_id: ids.client, chat_id: ids.chat, content: "Hello", ...payload },
  });

describe("vectors that are valid", () => {
  test.each([
    ["a send with a version 1 UUID and a short chat id", send({}), "send_message"],
    ["a send with the content type spelled out", send({ content_type: "text/plain" }), "send_message"],
    ["a send of 4,096 bytes", send({ content: "x".repeat(4096) }), "send_message"],
    ["a send of 4,095 bytes in 1,365 characters", send({ content: "€".repeat(1365) }), "send_message"],
    [
      "a request id with its prefix",
      send({}, { request_id: "req_01HQX7Z9Y8K4M3N2P1Q0R5S6T7" }),
      "send_message",
    ],
    ["an ack", `{"type":"ack","payload":{"chat_id":"${ids.chat}","last_acked_sequence":47}}`, "ack"],
    [
      "an ack with an id that is ignored",
      `{"type":"ack","request_id":"will-be-ignored","payload":{"chat_id":"${ids.chat}","last_acked_sequence":47}}`,
      "ack",
    ],
    [
      "a sync from the start",
      `{"type":"sync_request","request_id":"550e8400-e29b-41d4-a716-446655440003","payload":{"chat_id":"${ids.chat}","last_acked_sequence":0,"limit":100}}`,
      "sync_request",
    ],
    ["a heartbeat", '{"type":"heartbeat","payload":{}}', "heartbeat"],
    ["a heartbeat with an id", '{"type":"heartbeat","request_id":"hb-001","payload":{}}', "heartbeat"],
    ["typing", `{"type":"typing_start","payload":{"chat_id":"${ids.chat}"}}`, "typing_start"],
    [
      "unknown fields beside the known",
      send({ wonder: 1 }, { request_id: "r", trace_context: {}, x: [] }),
      "send_message",
    ],
  ])("%s", (_name, text, type) => {
    expect(parseClientFrame(text)).toMatchObject({ kind: "frame", frame: { type } });
  });

  test("an emoji of several code points is kept, and counted in bytes", () => {
    const content = "👨‍👩‍👧‍👦 …";
    expect(utf8Bytes("👨‍👩‍👧‍👦")).toBe(25);
    expect(parseClientFrame(send({ content }))).toMatchObject({ frame: { payload: { content } } });
  });

  test("W-12 a limit above 500 becomes 500, none becomes 100", () => {
    const sync = (limit?: number) =>
      parseClientFrame(
        JSON.stringify({
          type: "sync_request",
          request_id: "r",
          payload: { chat_id: ids.chat, last_acked_sequence: 0, limit },
        }),
      );
    expect(sync(501)).toMatchObject({ frame: { payload: { limit: 500 } } });
    expect(sync()).toMatchObject({ frame: { payload: { limit: 100 } } });
  });

  test("W-6 of a field that is there twice the last counts", () => {
    const text = `{"type":"heartbeat","request_id":"a","request_id":"b","payload":{}}`;
    expect(parseClientFrame(text)).toMatchObject({ frame: { request_id: "b" } });
  });
});

describe("violations", () => {
  test.each<[string, string, string, string | undefined, string | undefined]>([
    ["no JSON", "{", "INVALID_MESSAGE", undefined, undefined],
    ["a text", '"x"', "INVALID_MESSAGE", undefined, undefined],
    ["a list", "[{}]", "INVALID_MESSAGE", undefined, undefined],
    ["no type", '{"request_id":"r1","payload":{}}', "INVALID_MESSAGE", "r1", "type"],
    ["an empty type", '{"type":"","request_id":"r1","payload":{}}', "INVALID_MESSAGE", "r1", "type"],
    ["no payload", '{"type":"heartbeat","request_id":"r1"}', "INVALID_MESSAGE", "r1", "payload"],
    ["a send without a request id", send({}, {}), "INVALID_MESSAGE", undefined, "request_id"],
    [
      "a client id that is no UUID",
      send({ client_message_id: "not-a-uuid" }),
      "INVALID_MESSAGE",
      ids.request,
      "client_message_id",
    ],
    ["a chat id with a slash", send({ chat_id: "chat_a/b" }), "INVALID_MESSAGE", ids.request, "chat_id"],
    [
      "a chat id of 51 characters",
      send({ chat_id: `chat_${"a".repeat(46)}` }),
      "INVALID_MESSAGE",
      ids.request,
      "chat_id",
    ],
    [
      "content of 4,097 bytes",
      send({ content: "x".repeat(4097) }),
      "MESSAGE_TOO_LARGE",
      ids.request,
      "content",
    ],
    [
      "content of 4,098 bytes in 1,366 characters",
      send({ content: "€".repeat(1366) }),
      "MESSAGE_TOO_LARGE",
      ids.request,
      "content",
    ],
    ["empty content", send({ content: "" }), "INVALID_MESSAGE", ids.request, "content"],
    ["a lone surrogate", send({ content: "a\ud800" }), "INVALID_ENCODING", ids.request, "content"],
    ["a NUL", send({ content: "a\u0000" }), "INVALID_CONTENT", ids.request, "content"],
    [
      "another content type",
      send({ content_type: "text/html" }),
      "INVALID_CONTENT_TYPE",
      ids.request,
      "content_type",
    ],
    [
      "an ack of -1",
      `{"type":"ack","request_id":"r1","payload":{"chat_id":"${ids.chat}","last_acked_sequence":-1}}`,
      "INVALID_MESSAGE",
      undefined,
      "last_acked_sequence",
    ],
    [
      "a heartbeat with an id of the wrong form",
      '{"type":"heartbeat","request_id":"a b","payload":{}}',
      "INVALID_MESSAGE",
      undefined,
      "request_id",
    ],
    [
      "typing without a chat",
      '{"type":"typing_stop","request_id":"r","payload":{}}',
      "INVALID_MESSAGE",
      undefined,
      "chat_id",
    ],
  ])("%s", (_name, text, code, requestId, field) => {
    const parsed = parseClientFrame(text);
    expect(parsed).toMatchObject({ kind: "refused", code });
    if (parsed.kind !== "refused") return;
    expect(parsed.requestId).toBe(requestId as never);
    if (field !== undefined) expect(parsed.details?.["field"]).toBe(field);
  });

  test.each(["wonder", "constructor", "__proto__", "message"])(
    "an unknown type %s is no violation",
    (type) => {
      expect(parseClientFrame(JSON.stringify({ type, payload: {} }))).toEqual({ kind: "unknown_type", type });
    },
  );
});

describe("anything", () => {
  test("no text makes the parser throw, and what it accepts keeps the limits", () => {
    const types = ["send_message", "sync_request", "ack", "heartbeat", "typing_start", "typing_stop"];
    const frames = fc.record(
      {
        type: fc.oneof(fc.constantFrom(...types), fc.string()),
        request_id: fc.oneof(fc.string(), fc.constant("r1"), fc.integer()),
        payload: fc.oneof(
          fc.record(
            {
              client_message_id: fc.oneof(fc.uuid(), fc.string()),
              chat_id: fc.oneof(fc.constant(ids.chat), fc.string()),
              content: fc.oneof(fc.string({ unit: "binary" }), fc.integer()),
              last_acked_sequence: fc.oneof(fc.integer(), fc.double(), fc.string()),
              limit: fc.oneof(fc.integer(), fc.double()),
            },
            { requiredKeys: [] },
          ),
          fc.anything(),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          frames.map((frame) => JSON.stringify(frame)),
          fc.json(),
          fc.string(),
        ),
        (text) => {
          const parsed = parseClientFrame(text);
          if (parsed.kind !== "frame") return;
          const { frame } = parsed;
          if (frame.type === "send_message") {
            expect(utf8Bytes(frame.payload.content)).toBeLessThanOrEqual(protocolLimits.contentBytesMax);
            expect(frame.payload.content.isWellFormed()).toBe(true);
          } else if (frame.type === "sync_request") {
            expect(frame.payload.limit).toBeGreaterThanOrEqual(1);
            expect(frame.payload.limit).toBeLessThanOrEqual(protocolLimits.syncPageMax);
          } else if (frame.type === "ack")
            expect(Number.isSafeInteger(frame.payload.last_acked_sequence)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("utf8Bytes counts as the encoder does", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }), (text) => {
        expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });
});
