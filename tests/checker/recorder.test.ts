/** Goal: frames become the right events. Method: a tapped conversation, then the checker on what was recorded. */
import { describe, expect, test } from "bun:test";
import { checkHistory } from "./check-history.ts";
import { defaultCheckOptions } from "./check-options.ts";
import type { HistoryEvent } from "./history.ts";
import { Recorder } from "./recorder.ts";

const timestamp = "2026-01-31T10:00:00.000Z";
const clientId = "01234567-89ab-4cde-8f01-23456789abcd";
const message = {
  message_id: "msg_1",
  sequence: 1,
  sender_id: "user_a",
  content: "hello",
  content_type: "text/plain",
  created_at: timestamp,
};
const ack = {
  client_message_id: clientId,
  message_id: "msg_1",
  chat_id: "chat_a",
  sequence: 1,
  created_at: timestamp,
};
const store = {
  messages: [
    {
      chatId: "chat_a",
      sequence: 1,
      messageId: "msg_1",
      clientMessageId: clientId,
      senderId: "user_a",
      content: "hello",
      createdAt: timestamp,
    },
  ],
  counters: [{ chatId: "chat_a", sequence: 1, publishedSequence: 1 }],
  idempotencyKeys: null,
  watermarks: [],
  memberships: [
    { chatId: "chat_a", userId: "user_a" },
    { chatId: "chat_a", userId: "user_b" },
  ],
};

function record() {
  const events: HistoryEvent[] = [];
  let now = 0;
  const recorder = new Recorder({ write: (event) => events.push(event), nowMs: () => ++now });
  const alice = recorder.client("alice", "user_a", {});
  const bob = recorder.client("bob", "user_b", {});
  const established = (id: string): string =>
    JSON.stringify({ type: "connection_established", timestamp, payload: { connection_id: id } });
  const send = (requestId: string): string =>
    JSON.stringify({
      type: "send_message",
      request_id: requestId,
      payload: { client_message_id: clientId, chat_id: "chat_a", content: "hello" },
    });
  const answer = (type: string, requestId: string | undefined, payload: unknown): string =>
    JSON.stringify({ type, request_id: requestId, timestamp, payload });
  return { events, recorder, alice, bob, established, send, answer };
}

describe("the recorder", () => {
  test("records a conversation over a lost connection that the checker finds clean", () => {
    const { events, recorder, alice, bob, established, send, answer } = record();
    alice.onFrame("in", established("conn_1"));
    bob.onFrame("in", established("conn_2"));
    alice.onFrame("out", send("req_1"));
    alice.onFrame("in", established("conn_3"));
    alice.onFrame("out", send("req_2"));
    bob.onFrame("in", answer("message", undefined, { ...message, chat_id: "chat_a" }));
    alice.onFrame("in", answer("send_message_ack", "req_2", ack));
    bob.onFrame("out", answer("ack", undefined, { chat_id: "chat_a", last_acked_sequence: 1 }));
    const sync = { chat_id: "chat_a", last_acked_sequence: 0 };
    bob.onFrame("out", answer("sync_request", "req_3", sync));
    bob.onFrame(
      "in",
      answer("sync_response", "req_3", { chat_id: "chat_a", messages: [message], has_more: false }),
    );
    bob.onFrame("out", answer("heartbeat", "hb", {}));
    bob.onFrame("in", answer("heartbeat_ack", "hb", { server_time: timestamp }));
    recorder.settled();
    expect(events.map((event) => event.kind)).toEqual([
      "client_started",
      "client_started",
      "connection_established",
      "connection_established",
      "send_started",
      "connection_closed",
      "connection_established",
      "send_started",
      "message_pushed",
      "ack_received",
      "watermark_sent",
      "sync_started",
      "page_received",
      "heartbeat_sent",
      "heartbeat_acked",
      "settled",
    ]);
    const attempts = events.flatMap((event) => (event.kind === "send_started" ? [event.attempt] : []));
    expect(attempts).toEqual([0, 1]);
    const result = checkHistory(events, store, defaultCheckOptions);
    expect(result.violations).toEqual([]);
    expect(result.counts).toMatchObject({ sends: 1, transmissions: 2, unknownOutcomes: 1, reconnects: 1 });
  });

  test("records what a server must not send, for the checker to find", () => {
    const { events, alice, established, answer } = record();
    alice.onFrame("in", answer("message", undefined, { ...message, chat_id: "chat_a" }));
    alice.onFrame("in", established("conn_1"));
    alice.onFrame("in", answer("message", "req_0", { ...message, chat_id: "chat_a" }));
    alice.onFrame("in", answer("error", undefined, { code: "OOPS", message: "" }));
    alice.onFrame("in", "{");
    const { violationCounts } = checkHistory(events, store, defaultCheckOptions);
    expect([...violationCounts]).toEqual([
      ["before_established", 1],
      ["push_has_request_id", 1],
      ["error_code_unknown", 2],
      ["message_invented", 1],
    ]);
  });

  test("records REST reads with the time at which they started", async () => {
    const { events, recorder } = record();
    const bounds = { direction: "forward", after: 0, before: null } as const;
    const page = {
      data: [{ ...message, chat_id: "chat_a", content_type: "text/plain" as const }],
      pagination: { has_more: false },
    };
    expect(await recorder.historyRead("user_a", "chat_a", bounds, async () => page)).toBe(page);
    await recorder.watermarkReads("user_a", async () => [{ chat_id: "chat_a", last_acked_sequence: 1 }]);
    await recorder.membershipChange("chat_a", "user_b", "left", async () => undefined);
    const refused = recorder.membershipChange("chat_a", "user_b", "left", () =>
      Promise.reject(new Error("no")),
    );
    await expect(refused).rejects.toThrow("no");
    expect(events.slice(2)).toMatchObject([
      { kind: "history_read", startedAtMs: 3, atMs: 4, messages: [{ messageId: "msg_1" }], hasMore: false },
      { kind: "watermark_read", startedAtMs: 5, atMs: 6, lastAckedSequence: 1 },
      { kind: "membership_changed", startedAtMs: 7, atMs: 8, change: "left" },
    ]);
  });
});
