/** Goal: what the gateway writes is what the document promises. Method: every encoder's frame against its schema. */
import { expect, test } from "bun:test";
import { checkFrame } from "../shared/protocol/check-frame.fixture.ts";
import { exampleFrame, type FrameSchema, frameSchemas } from "../shared/protocol/frame-schemas.ts";
import { parseServerFrame } from "../shared/protocol/parse-server-frame.ts";
import * as encode from "./encode-frame.ts";

const at = "2026-01-31T10:00:00.000Z";
const ulid = "01HQX7Z9Y8K4M3N2P1Q0R5S6T7";
const ids = { messageId: `msg_${ulid}`, chatId: `chat_${ulid}`, senderId: `user_${ulid}` };
const exampleOf = (type: keyof typeof frameSchemas): never =>
  exampleFrame(frameSchemas[type])["payload"] as never;

const sent: readonly string[] = [
  encode.connectionEstablished(exampleOf("connection_established")),
  encode.sendMessageAck("req_1", at, exampleOf("send_message_ack")),
  encode.messagePush(
    { ...ids, sequence: 1n, content: 'a "quoted" text\n', contentType: "text/plain", createdAt: at } as never,
    at,
  ),
  encode.syncResponse("req_1", at, exampleOf("sync_response")),
  encode.heartbeatAck(undefined, at),
  encode.heartbeatAck("hb-1", at),
  encode.errorFrame("RATE_LIMITED", "Too fast", at, "req_1", { retry_after_seconds: 1 }),
  encode.errorFrame("INVALID_MESSAGE", "Not JSON", at, undefined, undefined),
  encode.connectionClosing("server_shutdown", at, 1000),
  encode.typingIndicator(ids.chatId, ids.senderId, false, at),
];

test.each(sent)("the server's own frame fits its schema: %s", (text) => {
  const value = JSON.parse(text) as { readonly type: keyof typeof frameSchemas };
  expect(checkFrame(frameSchemas[value.type], value)).toEqual([]);
  expect(parseServerFrame(text).kind).toBe("frame");
});

test("every server frame has been judged, and every one is known to the client's parser", () => {
  const types = new Set(sent.map((text) => (JSON.parse(text) as { type: string }).type));
  const schemas: readonly FrameSchema[] = Object.values(frameSchemas);
  const expected = schemas.filter(({ sentBy }) => sentBy === "server").map(({ type }) => type);
  expect([...types].sort()).toEqual(expected.sort());
});
