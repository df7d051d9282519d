/** What stands in the list of messages, in order: days, the line above new messages, rows in groups. */
import type { Conversation, Outgoing, ShownMessage } from "./conversation.ts";
import { startOfDay } from "./time-text.ts";

export type MessageEntry =
  | { readonly kind: "day"; readonly key: string; readonly timeMs: number }
  | { readonly kind: "unread"; readonly key: string }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: ShownMessage;
      readonly isOwn: boolean;
      /** First and last of a group: one sender, close in time. */
      readonly isFirst: boolean;
      readonly isLast: boolean;
    }
  | {
      readonly kind: "outgoing";
      readonly key: string;
      readonly outgoing: Outgoing;
      readonly isFirst: boolean;
    };

/** A longer pause begins a new group. */
const groupPauseMs = 5 * 60_000;

export function messageEntries(
  conversation: Conversation,
  userId: string | undefined,
): readonly MessageEntry[] {
  const { messages, outgoing, unreadFrom } = conversation;
  const entries: MessageEntry[] = [];
  messages.forEach((message, index) => {
    const previous = messages[index - 1];
    const next = messages[index + 1];
    const timeMs = Date.parse(message.created_at);
    if (previous === undefined || startOfDay(Date.parse(previous.created_at)) !== startOfDay(timeMs)) {
      entries.push({ kind: "day", key: `day-${startOfDay(timeMs)}-${message.sequence}`, timeMs });
    }
    if (message.sequence === unreadFrom) entries.push({ kind: "unread", key: "unread" });
    entries.push({
      kind: "message",
      key: message.localId ?? `message-${message.sequence}`,
      message,
      isOwn: message.sender_id === userId,
      isFirst: !isTogether(previous, message) || message.sequence === unreadFrom,
      isLast: !isTogether(message, next) || next?.sequence === unreadFrom,
    });
  });
  outgoing.forEach((entry, index) => {
    const isFirst = index === 0 && messages.at(-1)?.sender_id !== userId;
    entries.push({ kind: "outgoing", key: entry.clientMessageId, outgoing: entry, isFirst });
  });
  return entries;
}

function isTogether(a: ShownMessage | undefined, b: ShownMessage | undefined): boolean {
  if (a === undefined || b === undefined || a.sender_id !== b.sender_id) return false;
  const [aMs, bMs] = [Date.parse(a.created_at), Date.parse(b.created_at)];
  return bMs - aMs <= groupPauseMs && startOfDay(aMs) === startOfDay(bMs);
}
