/**
 * Identifiers: a prefix and a ULID. Ours are strict (`chat_` + 26 Crockford characters); inbound ones are
 * accepted leniently (prefix + 1-45 alphanumerics), so that a client is never refused for its taste in ids.
 */
import { ulid } from "ulid";
import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type ChatId = Branded<"ChatId">;
export type UserId = Branded<"UserId">;
export type MessageId = Branded<"MessageId">;
export type SessionId = Branded<"SessionId">;
export type ConnectionId = Branded<"ConnectionId">;
export type EventId = Branded<"EventId">;
/** Canonical UUID text in lower case: the key of an idempotent send. */
export type ClientMessageId = Branded<"ClientMessageId">;
/** Canonical UUID text in lower case, stable per installation. */
export type DeviceId = Branded<"DeviceId">;

const uuidPattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;
const chatPattern = /^chat_[0-9A-Za-z]{1,45}$/;
const userPattern = /^user_[0-9A-Za-z]{1,45}$/;
const messagePattern = /^msg_[0-9A-Za-z]{1,45}$/;
const sessionPattern = /^sess_[0-9A-Za-z]{1,45}$/;
const connectionPattern = /^conn_[0-9A-Za-z]{1,45}$/;

/** @returns the id, or undefined when the text is not `chat_` + 1-45 alphanumerics. */
export function parseChatId(raw: string): ChatId | undefined {
  return chatPattern.test(raw) ? (raw as ChatId) : undefined;
}
/** @returns the id, or undefined when the text is not `user_` + 1-45 alphanumerics. */
export function parseUserId(raw: string): UserId | undefined {
  return userPattern.test(raw) ? (raw as UserId) : undefined;
}
/** @returns the id, or undefined when the text is not `msg_` + 1-45 alphanumerics. */
export function parseMessageId(raw: string): MessageId | undefined {
  return messagePattern.test(raw) ? (raw as MessageId) : undefined;
}
/** @returns the id, or undefined when the text is not `sess_` + 1-45 alphanumerics. */
export function parseSessionId(raw: string): SessionId | undefined {
  return sessionPattern.test(raw) ? (raw as SessionId) : undefined;
}
/** @returns the id, or undefined when the text is not `conn_` + 1-45 alphanumerics. */
export function parseConnectionId(raw: string): ConnectionId | undefined {
  return connectionPattern.test(raw) ? (raw as ConnectionId) : undefined;
}
/** Any canonical UUID, any version and case. @returns it in lower case, or undefined. */
export function parseClientMessageId(raw: string): ClientMessageId | undefined {
  return uuidPattern.test(raw) ? (raw.toLowerCase() as ClientMessageId) : undefined;
}
/** Any canonical UUID, any version and case. @returns it in lower case, or undefined. */
export function parseDeviceId(raw: string): DeviceId | undefined {
  return uuidPattern.test(raw) ? (raw.toLowerCase() as DeviceId) : undefined;
}

/** Makes identifiers; one per process, over the injected clock and randomness. */
export interface Ids {
  chatId(): ChatId;
  userId(): UserId;
  messageId(): MessageId;
  sessionId(): SessionId;
  connectionId(): ConnectionId;
  eventId(): EventId;
  /** A bare ULID: token ids, token families, batch tokens. */
  ulid(): string;
  /** A UUID v4: request ids. */
  uuid(): string;
}

export function createIds(clock: Clock, random: Random): Ids {
  const next = (): string => ulid(clock.nowMs(), () => random.float());
  return {
    chatId: () => `chat_${next()}` as ChatId,
    userId: () => `user_${next()}` as UserId,
    messageId: () => `msg_${next()}` as MessageId,
    sessionId: () => `sess_${next()}` as SessionId,
    connectionId: () => `conn_${next()}` as ConnectionId,
    eventId: () => `evt_${next()}` as EventId,
    ulid: next,
    uuid: () => uuidFrom(random.bytes(16)),
  };
}

function uuidFrom(bytes: Uint8Array): string {
  const b = Uint8Array.from(bytes);
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const hex = b.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
