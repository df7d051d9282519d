/**
 * Goal: the parser and the schemas of frames say the same. Method: every client frame with each of its fields spoilt
 * in every way, judged by both.
 */
import { expect, test } from "bun:test";
import { checkFrame } from "./check-frame.fixture.ts";
import { exampleFrame, type FieldSchema, type FrameSchema, frameSchemas } from "./frame-schemas.ts";
import { parseClientFrame } from "./parse-client-frame.ts";

const frames: readonly FrameSchema[] = Object.values(frameSchemas);
const clientFrames = frames.filter(({ sentBy }) => sentBy === "client");
type Json = Record<string, unknown>;

const anything: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 1.5, 1e21, "", "x", "1", [], {}, [1], "\u0000", "a\u0000b", "\ud800"],
  ...["é".repeat(2048), "é".repeat(2049), "x".repeat(4096), "x".repeat(4097), "text/plain", "text/html"],
  ...["chat_", "chat_1", `chat_${"a".repeat(45)}`, `chat_${"a".repeat(46)}`, "user_1", "chat_a-b", "CHAT_1"],
  ...["550E8400-E29B-41D4-A716-446655440000", "550e8400e29b41d4a716446655440000", " chat_1", "chat_1\n"],
  ...[Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1, 500, 501, "a".repeat(36), "a".repeat(37), "ä"],
];

/** The frame with one field replaced by everything, and left out. */
function spoilt(frame: FrameSchema): readonly Json[] {
  const whole = exampleFrame(frame);
  const payload = whole["payload"] as Json;
  const without = (from: Json, name: string): Json =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));
  return [
    ...["request_id", "payload"].flatMap((name) => [
      without(whole, name),
      ...anything.map((value) => ({ ...whole, [name]: value })),
    ]),
    ...Object.keys(frame.payload).flatMap((name) => [
      { ...whole, payload: without(payload, name) },
      ...anything.map((value) => ({ ...whole, payload: { ...payload, [name]: value } })),
    ]),
    { ...whole, unknown: 1, payload: { ...payload, unknown: { a: 1 } } },
  ];
}

test.each(clientFrames.map((frame) => [frame.type, frame] as const))(
  "%s: the parser takes what the schema allows, and nothing else",
  (_, frame) => {
    for (const value of [exampleFrame(frame), ...spoilt(frame)]) {
      const written = JSON.stringify(value);
      const parsed = parseClientFrame(written);
      const wrong = checkFrame(frame, JSON.parse(written));
      expect([written.slice(0, 300), parsed.kind]).toEqual([
        written.slice(0, 300),
        wrong.length === 0 ? "frame" : "refused",
      ]);
      if (parsed.kind === "refused" && parsed.details?.["field"] !== undefined) {
        expect(wrong).toContain(parsed.details["field"] as string);
      }
    }
  },
);

test("a limit beyond the maximum is lowered to what the schema says", () => {
  const { schema } = frameSchemas.sync_request.payload.limit;
  const { loweredTo, byDefault } = schema as Extract<FieldSchema, { kind: "integer" }>;
  const limitOf = (limit: unknown): unknown => {
    const frame = exampleFrame(frameSchemas.sync_request);
    const payload = { ...(frame["payload"] as Json), limit };
    const parsed = parseClientFrame(JSON.stringify({ ...frame, payload }));
    return parsed.kind === "frame" && parsed.frame.type === "sync_request" && parsed.frame.payload.limit;
  };
  expect([limitOf(undefined), limitOf(500), limitOf(501), limitOf(Number.MAX_SAFE_INTEGER)]).toEqual([
    byDefault,
    500,
    loweredTo,
    loweredTo,
  ]);
});
