/** Goal: the list shows the newest message and counts what was not read. Method: summaries taken through messages. */
import { describe, expect, test } from "bun:test";
import type { ChatListItem } from "../../../client/rest-types.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";
import {
  type ChatSummary,
  chatTitle,
  inListOrder,
  isMuted,
  summaryOfListItem,
  unreadCount,
  withMessage,
} from "./chat-summary.ts";

const item: ChatListItem = {
  chat_id: "chat_1",
  type: "direct",
  name: null,
  created_at: "2026-01-31T10:00:00.000Z",
  updated_at: "2026-01-31T10:00:00.000Z",
  member_count: 2,
  my_membership: { role: "member", joined_at: "2026-01-31T10:00:00.000Z", muted_until: null },
  other_member: { user_id: "user_bob", display_name: "Bob" },
  last_message: null,
  pending_ack_count: 0,
};

function message(sequence: number, content = "text"): MessagePayload {
  return {
    message_id: `msg_${sequence}`,
    chat_id: "chat_1",
    sequence,
    sender_id: "user_bob",
    content,
    content_type: "text/plain",
    created_at: `2026-01-31T11:00:${String(sequence).padStart(2, "0")}.000Z`,
  };
}

const summary = (readUpTo = 0): ChatSummary => summaryOfListItem(item, readUpTo);

describe("a chat in the list", () => {
  test("counts what came after the last message read", () => {
    const chat = [1, 2, 3].reduce(
      (before, sequence) => withMessage(before, message(sequence), false),
      summary(1),
    );
    expect(unreadCount(chat)).toBe(2);
  });

  test("takes what one wrote oneself, here or elsewhere, for a sign that all above was read", () => {
    const chat = withMessage(withMessage(summary(), message(1), false), message(2), true);
    expect(unreadCount(chat)).toBe(0);
  });

  test("keeps the newest message when an older one comes later", () => {
    const chat = withMessage(withMessage(summary(), message(2, "newer"), false), message(1, "older"), false);
    expect(chat.lastMessage?.preview).toBe("newer");
  });

  test("cuts the preview between characters, not within one", () => {
    const chat = withMessage(summary(), message(1, "👍".repeat(150)), false);
    expect(chat.lastMessage?.preview).toBe("👍".repeat(100));
  });

  test.each([
    ["a name", { displayName: "Bob", phoneNumber: "+14155550100" }, "Bob"],
    ["only a number", { displayName: null, phoneNumber: "+14155550100" }, "+14155550100"],
    ["neither", { displayName: null, phoneNumber: undefined }, "User _bob"],
  ])("is called after the other one, who has %s", (_, person, title) => {
    expect(chatTitle(summary(), new Map([["user_bob", person]]))).toBe(title);
  });

  test("is muted until the time has come", () => {
    const muted = { ...summary(), mutedUntil: "2026-01-31T12:00:00.000Z" };
    expect(isMuted(muted, Date.parse("2026-01-31T11:59:59.999Z"))).toBe(true);
    expect(isMuted(muted, Date.parse("2026-01-31T12:00:00.000Z"))).toBe(false);
    expect(isMuted({ ...muted, mutedUntil: "9999-12-31T23:59:59.999Z" }, 0)).toBe(true);
  });

  test("stands by its last message, else by when it was made", () => {
    const quiet: ChatSummary = { ...summary(), chatId: "chat_quiet", createdAt: "2026-01-31T10:30:00.000Z" };
    const busy = withMessage(summary(), message(1), false);
    const fresh: ChatSummary = { ...summary(), chatId: "chat_fresh", createdAt: "2026-01-31T12:00:00.000Z" };
    const chats = new Map([quiet, busy, fresh].map((chat) => [chat.chatId, chat]));
    expect(inListOrder(chats).map((chat) => chat.chatId)).toEqual(["chat_fresh", "chat_1", "chat_quiet"]);
  });
});
