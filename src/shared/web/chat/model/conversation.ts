/** The messages of one chat as they are on screen: pure changes of one immutable value. */
import type { ChatDetail } from "../../../client/rest-types.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";

export interface ShownMessage extends MessagePayload {
  /** The `client_message_id` of a message sent from here: its row keeps its identity when it is stored. */
  readonly localId: string | undefined;
}

export interface Outgoing {
  readonly clientMessageId: string;
  readonly content: string;
  readonly createdAtMs: number;
  /** Why it will not be sent; undefined while it is on its way. */
  readonly failure: string | undefined;
}

export interface Conversation {
  readonly chatId: string;
  /** Ascending by sequence, none twice. */
  readonly messages: readonly ShownMessage[];
  /** In the order of writing. */
  readonly outgoing: readonly Outgoing[];
  readonly loading: "first" | "older" | undefined;
  readonly loadFailure: string | undefined;
  /** Members and roles, once read. */
  readonly detail: ChatDetail | undefined;
  /** Everybody else has received what is up to here. */
  readonly deliveredUpTo: number;
  /** Where "New messages" stands: the first sequence not read when the chat was opened. */
  readonly unreadFrom: number | undefined;
  readonly typingUserIds: readonly string[];
}

/** Messages that a chat keeps when another one is opened. */
export const keptMessagesMax = 200;

export function emptyConversation(chatId: string): Conversation {
  return {
    chatId,
    messages: [],
    outgoing: [],
    loading: undefined,
    loadFailure: undefined,
    detail: undefined,
    deliveredUpTo: 0,
    unreadFrom: undefined,
    typingUserIds: [],
  };
}

/** Sequences are dense and begin with 1. */
export function hasReachedStart(conversation: Conversation): boolean {
  const first = conversation.messages[0];
  return first === undefined ? conversation.loading === undefined : first.sequence <= 1;
}

/** Merges by sequence; what is known already stays as it is. */
export function withMessages(conversation: Conversation, added: readonly MessagePayload[]): Conversation {
  const known = new Set(conversation.messages.map((message) => message.sequence));
  const fresh = added
    .filter((message) => !known.has(message.sequence))
    .map((message): ShownMessage => ({ ...message, localId: undefined }));
  if (fresh.length === 0) return conversation;
  const messages = [...conversation.messages, ...fresh].sort((a, b) => a.sequence - b.sequence);
  return { ...conversation, messages };
}

/** An own message is durable: it leaves the outgoing ones and joins the timeline in one step. */
export function withAcked(
  conversation: Conversation,
  clientMessageId: string,
  message: MessagePayload,
): Conversation {
  const messages = conversation.messages.filter((shown) => shown.sequence !== message.sequence);
  messages.push({ ...message, localId: clientMessageId });
  messages.sort((a, b) => a.sequence - b.sequence);
  return { ...withoutOutgoing(conversation, clientMessageId), messages };
}

export function withOutgoing(conversation: Conversation, outgoing: Outgoing): Conversation {
  const others = conversation.outgoing.filter((entry) => entry.clientMessageId !== outgoing.clientMessageId);
  return { ...conversation, outgoing: [...others, outgoing] };
}

export function withoutOutgoing(conversation: Conversation, clientMessageId: string): Conversation {
  return {
    ...conversation,
    outgoing: conversation.outgoing.filter((entry) => entry.clientMessageId !== clientMessageId),
  };
}

/** Without the oldest messages where there are many: they can be fetched again. */
export function trimmed(conversation: Conversation): Conversation {
  const { messages } = conversation;
  return messages.length <= keptMessagesMax
    ? conversation
    : { ...conversation, messages: messages.slice(-keptMessagesMax) };
}

/** Highest sequence on screen, 0 when there is none. */
export function newestSequence(conversation: Conversation): number {
  return conversation.messages.at(-1)?.sequence ?? 0;
}
