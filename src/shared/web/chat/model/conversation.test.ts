/** Goal: what is on screen is ordered, without repeats, and steady. Method: messages merged in awkward orders. */
import { describe, expect, test } from "bun:test";
import type { MessagePayload } from "../../../protocol/frames.ts";
import {
  type Conversation,
  emptyConversation,
  hasReachedStart,
  newestSequence,
  withAcked,
  withMessages,
  withOutgoing,
} from "./conversation.ts";
import { messageEntries } from "./message-entries.ts";

const morningMs = new Date(2026, 0, 31, 9).getTime();

function message(sequence: number, senderId = "user_bob", minutes = 0): MessagePayload {
  return {
    message_id: `msg_${sequence}`,
    chat_id: "chat_1",
    sequence,
    sender_id: senderId,
    content: `text ${sequence}`,
    content_type: "text/plain",
    created_at: new Date(morningMs + minutes * 60_000).toISOString(),
  };
}

const holding = (...messages: MessagePayload[]): Conversation =>
  withMessages(emptyConversation("chat_1"), messages);
const sequences = (conversation: Conversation): readonly number[] =>
  conversation.messages.map((shown) => shown.sequence);

describe("a conversation", () => {
  test("orders by sequence, whatever the order of arrival", () => {
    expect(sequences(withMessages(holding(message(5), message(3)), [message(4), message(1)]))).toEqual([
      1, 3, 4, 5,
    ]);
  });

  test("stays the very same when nothing is new", () => {
    const before = holding(message(1), message(2));
    expect(withMessages(before, [message(2), message(1)])).toBe(before);
  });

  test("moves an acknowledged message from the outgoing ones to its place, under its old identity", () => {
    const outgoing = {
      clientMessageId: "id-1",
      content: "text 2",
      createdAtMs: morningMs,
      failure: undefined,
    };
    const acked = withAcked(
      withOutgoing(holding(message(1), message(3)), outgoing),
      "id-1",
      message(2, "me"),
    );
    expect(acked.outgoing).toEqual([]);
    expect(sequences(acked)).toEqual([1, 2, 3]);
    expect(messageEntries(acked, "me").map((entry) => entry.key)).toContain("id-1");
  });

  test("shows an acknowledged message once, also when it came by push before", () => {
    const acked = withAcked(holding(message(1), message(2, "me")), "id-1", message(2, "me"));
    expect(sequences(acked)).toEqual([1, 2]);
  });

  test("has reached its start at sequence 1, or when it is empty and loaded", () => {
    expect(hasReachedStart(holding(message(2)))).toBe(false);
    expect(hasReachedStart(holding(message(1), message(2)))).toBe(true);
    expect(hasReachedStart(emptyConversation("chat_1"))).toBe(true);
    expect(hasReachedStart({ ...emptyConversation("chat_1"), loading: "first" })).toBe(false);
  });

  test("knows its newest sequence", () => {
    expect(newestSequence(emptyConversation("chat_1"))).toBe(0);
    expect(newestSequence(holding(message(7), message(6)))).toBe(7);
  });
});

describe("the rows of a conversation", () => {
  const kinds = (conversation: Conversation): readonly string[] =>
    messageEntries(conversation, "me").map((entry) =>
      entry.kind === "message"
        ? `${entry.isFirst ? "[" : ""}${entry.message.sequence}${entry.isLast ? "]" : ""}`
        : entry.kind,
    );

  test("stand in groups of one sender, a longer pause begins a new one", () => {
    const conversation = holding(message(1), message(2), message(3, "me"), message(4, "me", 6));
    expect(kinds(conversation)).toEqual(["day", "[1", "2]", "[3]", "[4]"]);
  });

  test("have a day above the first message of each day", () => {
    expect(kinds(holding(message(1), message(2, "user_bob", 24 * 60)))).toEqual(["day", "[1]", "day", "[2]"]);
  });

  test("have one line above the first new message", () => {
    const conversation = { ...holding(message(1), message(2), message(3)), unreadFrom: 2 };
    expect(kinds(conversation)).toEqual(["day", "[1]", "unread", "[2", "3]"]);
  });

  test("end with what is on its way", () => {
    const outgoing = { clientMessageId: "id-1", content: "x", createdAtMs: morningMs, failure: undefined };
    expect(kinds(withOutgoing(holding(message(1)), outgoing))).toEqual(["day", "[1]", "outgoing"]);
  });
});
