/** Only what the contract allows gets in; everything else is refused by the class that the dead letter names. */
import { describe, expect, test } from "bun:test";
import { decodeEvent, type Event, encodeEvent, noTraceId, traceIdOf } from "./envelope.ts";

const common = {
  event_id: "evt_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
  event_version: 1,
  event_time: "2026-01-31T14:30:00.000Z",
  partition_key: "chat_abc123",
  producer_id: "ingest-1",
  trace_id: "0af7651916cd43dd8448eb211c80319c",
};

const persisted: Event = {
  ...common,
  event_type: "MessagePersisted",
  payload: {
    message_id: "msg_1",
    chat_id: "chat_abc123",
    sequence: 7,
    sender_id: "user_1",
    content: "grüße 🎉",
    content_type: "text/plain",
    client_message_id: "550e8400-e29b-41d4-a716-446655440000",
    created_at: "2026-01-31T14:30:00.000Z",
  },
};
const changed: Event = {
  ...common,
  event_type: "MembershipChanged",
  payload: {
    chat_id: "chat_abc123",
    user_id: "user_1",
    change_type: "role_changed",
    role: "admin",
    changed_by: "user_2",
    member_count_after: 3,
    changed_at: "2026-01-31T14:30:00.000Z",
  },
};
const created: Event = {
  ...common,
  event_type: "ChatCreated",
  payload: {
    chat_id: "chat_abc123",
    chat_type: "direct",
    name: null,
    status: "active",
    created_by: "user_1",
    member_count: 2,
    initial_members: ["user_1", "user_2"],
    created_at: "2026-01-31T14:30:00.000Z",
  },
};

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

test.each([
  ["MessagePersisted", persisted],
  ["MembershipChanged", changed],
  ["ChatCreated", created],
])("%s survives encoding and decoding", (_, event) => {
  expect(decodeEvent(encodeEvent(event), "chat_abc123")).toEqual(event);
  expect(decodeEvent(encodeEvent(event), null)).toEqual(event);
});

test("unknown fields are ignored, an unknown version is read as the newest known", () => {
  const future = {
    ...persisted,
    event_version: 9,
    shard: 4,
    payload: { ...persisted.payload, mood: "good" },
  };
  expect(decodeEvent(bytes(future), null)).toEqual({ ...persisted, event_version: 9 });
});

test.each([
  ["no JSON", new TextEncoder().encode("{"), "ParseError"],
  ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "ParseError"],
  ["an array", bytes([]), "ParseError"],
  ["null", bytes(null), "ParseError"],
  ["an unknown type", bytes({ ...persisted, event_type: "MessageEdited" }), "UnknownEventTypeError"],
])("%s is refused", (_, value, name) => {
  expect(() => decodeEvent(value, null)).toThrow(expect.objectContaining({ name }));
});

describe("every required field is required, and of its type", () => {
  const cases = [persisted, changed, created].flatMap((event) => [
    ...Object.keys(event).map((field) => ({ event, field, inPayload: false })),
    ...Object.keys(event.payload).map((field) => ({ event, field, inPayload: true })),
  ]);
  const optional = new Set(["member_count_after", "status", "member_count"]);
  const tamper = (one: (typeof cases)[number], value: unknown): unknown =>
    one.inPayload
      ? { ...one.event, payload: { ...one.event.payload, [one.field]: value } }
      : { ...one.event, [one.field]: value };
  const violation = expect.objectContaining({
    name: "SchemaViolationError",
    message: expect.stringMatching(/field '/),
  });

  test.each(cases.map((one) => [one.event.event_type, one.field, one] as const))(
    "%s: %s",
    (_, field, one) => {
      if (!optional.has(field))
        expect(() => decodeEvent(bytes(tamper(one, undefined)), null)).toThrow(violation);
      expect(() => decodeEvent(bytes(tamper(one, { of: "another type" })), null)).toThrow(violation);
    },
  );

  test.each([0, -1, 1.5, 2 ** 53, "7"])("a sequence of %p is refused", (sequence) => {
    const bad = { ...persisted, payload: { ...persisted.payload, sequence } };
    expect(() => decodeEvent(bytes(bad), null)).toThrow(violation);
  });
});

test("the record's key, the partition key and the chat must agree", () => {
  expect(() => decodeEvent(encodeEvent(persisted), "chat_other")).toThrow(/record's key/);
  expect(() => decodeEvent(bytes({ ...persisted, partition_key: "chat_other" }), null)).toThrow(/chat_id/);
});

test("the trace id comes from the traceparent, zeros stand for none", () => {
  expect(traceIdOf("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")).toBe(common.trace_id);
  expect(traceIdOf(undefined)).toBe(noTraceId);
  expect(traceIdOf("garbage")).toBe(noTraceId);
});
