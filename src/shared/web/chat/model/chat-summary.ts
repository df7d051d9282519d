import type { ChatDetail, ChatListItem, Role } from "../../../client/rest-types.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";
import { type People, personName } from "./people.ts";

/** One line of the chat list. */
export interface ChatSummary {
  readonly chatId: string;
  readonly type: "direct" | "group";
  readonly name: string | null;
  /** Direct chats: the other one, once known. */
  readonly otherUserId: string | undefined;
  readonly memberCount: number;
  readonly role: Role;
  readonly mutedUntil: string | null;
  readonly createdAt: string;
  readonly lastMessage: LastMessage | undefined;
  /** Everything up to this sequence has been on screen here, or is older than this installation. */
  readonly readUpTo: number;
}

export interface LastMessage {
  readonly sequence: number;
  readonly senderId: string;
  readonly preview: string;
  readonly createdAt: string;
}

const previewLength = 100;

export function summaryOfListItem(item: ChatListItem, readUpTo: number): ChatSummary {
  return {
    chatId: item.chat_id,
    type: item.type,
    name: item.name,
    otherUserId: item.other_member?.user_id,
    memberCount: item.member_count,
    role: item.my_membership.role,
    mutedUntil: item.my_membership.muted_until,
    createdAt: item.created_at,
    lastMessage:
      item.last_message === null
        ? undefined
        : {
            sequence: item.last_message.sequence,
            senderId: item.last_message.sender_id,
            preview: item.last_message.content_preview,
            createdAt: item.last_message.created_at,
          },
    readUpTo,
  };
}

/** The detail names no last message: the one known so far stays. */
export function summaryOfDetail(
  chat: ChatDetail,
  userId: string | undefined,
  known: ChatSummary | undefined,
): ChatSummary {
  const other = chat.type === "direct" ? chat.members.find((member) => member.user_id !== userId) : undefined;
  return {
    chatId: chat.chat_id,
    type: chat.type,
    name: chat.name,
    otherUserId: other?.user_id ?? known?.otherUserId,
    memberCount: chat.member_count,
    role: chat.my_membership.role,
    mutedUntil: chat.my_membership.muted_until,
    createdAt: chat.created_at,
    lastMessage: known?.lastMessage,
    readUpTo: known?.readUpTo ?? 0,
  };
}

/** The summary after a message, which may be older than the newest one. */
export function withMessage(summary: ChatSummary, message: MessagePayload, isOwn: boolean): ChatSummary {
  const isNewest = message.sequence > (summary.lastMessage?.sequence ?? 0);
  // Whoever wrote a message has seen what stood above it.
  const readUpTo = isOwn ? Math.max(summary.readUpTo, message.sequence) : summary.readUpTo;
  if (!isNewest && readUpTo === summary.readUpTo) return summary;
  return {
    ...summary,
    readUpTo,
    lastMessage: isNewest
      ? {
          sequence: message.sequence,
          senderId: message.sender_id,
          preview: [...message.content].slice(0, previewLength).join(""),
          createdAt: message.created_at,
        }
      : summary.lastMessage,
  };
}

export function unreadCount(summary: ChatSummary): number {
  return Math.max(0, (summary.lastMessage?.sequence ?? 0) - summary.readUpTo);
}

export function isMuted(summary: ChatSummary, nowMs: number): boolean {
  return summary.mutedUntil !== null && Date.parse(summary.mutedUntil) > nowMs;
}

export function chatTitle(summary: ChatSummary, people: People): string {
  if (summary.type === "group") return summary.name ?? "Group";
  return summary.otherUserId === undefined ? "Direct chat" : personName(people, summary.otherUserId);
}

/** Newest activity first. */
export function inListOrder(chats: ReadonlyMap<string, ChatSummary>): readonly ChatSummary[] {
  const activity = (chat: ChatSummary): string => chat.lastMessage?.createdAt ?? chat.createdAt;
  return [...chats.values()].sort((a, b) =>
    activity(a) === activity(b) ? (a.chatId < b.chatId ? 1 : -1) : activity(a) < activity(b) ? 1 : -1,
  );
}
