/**
 * Port: the truth about messages. Only ingest writes through it; chat management reads.
 *
 * Guarantees of every adapter: sequences of a chat are dense (1 … counter all exist, always); a batch is
 * committed whole or not at all; commit order = sequence order; a message is immutable; an idempotency key
 * lives at least seven days. Strong reads see every commit that was answered before they began.
 */
import type { ChatId, ClientMessageId, ConnectionId, MessageId, UserId } from "../domain/ids.ts";

export interface NewMessage {
  readonly messageId: MessageId;
  readonly clientMessageId: ClientMessageId;
  readonly senderId: UserId;
  /** Sanitized. */
  readonly content: string;
  readonly contentType: "text/plain";
  readonly createdAtMs: number;
  /** The sending connection: goes into the event, is not part of the message. */
  readonly originConnectionId: ConnectionId | undefined;
  /** W3C trace context of the send: goes into the event. */
  readonly traceparent: string | undefined;
}

export interface StoredMessage {
  readonly messageId: MessageId;
  readonly chatId: ChatId;
  readonly sequence: number;
  readonly senderId: UserId;
  readonly clientMessageId: ClientMessageId | undefined;
  readonly content: string;
  readonly contentType: "text/plain";
  readonly createdAtMs: number;
}

/** What a send with this key was answered with. Existence decides, never its age. */
export interface IdempotencyKey {
  readonly chatId: ChatId;
  readonly clientMessageId: ClientMessageId;
  readonly messageId: MessageId;
  readonly sequence: number;
  readonly senderId: UserId;
  readonly createdAtMs: number;
}

export interface ChatCounter {
  readonly chatId: ChatId;
  /** Last committed sequence = highest stored = message count. */
  readonly sequence: number;
  /** Every event up to here is acknowledged by the log. */
  readonly publishedSequence: number;
}

/** Messages of one chat that commit together, in this order. */
export interface ChatBatch {
  readonly chatId: ChatId;
  /** The counter value the writer holds; the batch commits only on top of exactly this one. */
  readonly expectedSequence: number;
  /** The writer's published sequence, stored along. */
  readonly publishedSequence: number;
  /** 1-49; no two with one clientMessageId. */
  readonly messages: readonly NewMessage[];
}

export type MessageOutcome =
  | { readonly kind: "stored"; readonly sequence: number }
  /** The key existed: the message left the batch, the rest was numbered without a hole. */
  | { readonly kind: "duplicate"; readonly key: IdempotencyKey };

export type BatchOutcome =
  /** `sequence` is the counter after the batch; one result per message, in order. */
  | { readonly kind: "committed"; readonly sequence: number; readonly results: readonly MessageOutcome[] }
  /** Another writer was faster; nothing of this batch is stored. */
  | { readonly kind: "lost_race"; readonly counter: ChatCounter }
  /** The counter row is gone: the chat is halted until it is repaired. Nothing stored. */
  | { readonly kind: "counter_missing" }
  /** The number above the counter is taken: the counter is corrupt. Nothing stored. */
  | { readonly kind: "sequence_collision"; readonly sequence: number }
  /** Nothing stored; trying again later is safe. */
  | { readonly kind: "unavailable"; readonly cause: unknown }
  /** May or may not be stored. */
  | { readonly kind: "unknown"; readonly cause: unknown };

export interface MessagePage {
  /** Dense; ascending, or descending for a backward read. */
  readonly messages: readonly StoredMessage[];
  /** There are more in the direction of the read. */
  readonly hasMore: boolean;
}

export interface SequenceRange {
  readonly chatId: ChatId;
  /** Exclusive bounds. */
  readonly after: number;
  readonly before: number | undefined;
  readonly direction: "forward" | "backward";
  /** 1-500. */
  readonly limit: number;
}

export interface MessageStore {
  /**
   * True where the event is part of the message's own transaction (SQLite): there is nothing to publish,
   * `publishedSequence` always equals `sequence`, and one commit may span all chats.
   */
  readonly publishesOnCommit: boolean;
  /** Keys of earlier sends, in the order asked; undefined where there is none. May miss a very recent one. */
  findKeys(
    keys: readonly { readonly chatId: ChatId; readonly clientMessageId: ClientMessageId }[],
  ): Promise<readonly (IdempotencyKey | undefined)[]>;
  /** Commits each batch atomically; never throws for a store fault: one outcome per batch, in order. */
  commit(batches: readonly ChatBatch[]): Promise<readonly BatchOutcome[]>;
  /** Strong; undefined where the chat has no counter row. In the order asked. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  counters(chatIds: readonly ChatId[]): Promise<readonly (ChatCounter | undefined)[]>;
  /** Strong, bounded by `limit` and by the store's page size. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  read(range: SequenceRange): Promise<MessagePage>;
  /** Newest message of each chat, in the order asked. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  latest(chatIds: readonly ChatId[]): Promise<readonly (StoredMessage | undefined)[]>;
  /** By id; undefined where the chat has no such message. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  findMessage(chatId: ChatId, messageId: MessageId): Promise<StoredMessage | undefined>;
  /** Stores that everything up to `sequence` is published, if the counter still is `sequence`; else nothing. */
  markPublished(chatId: ChatId, sequence: number): Promise<void>;
  /** Chats with committed but unpublished messages, lagging since before `lagSinceMs`. Empty where publishesOnCommit. */
  findUnpublished(lagSinceMs: number, limit: number): Promise<readonly ChatCounter[]>;
  /**
   * Repairs a missing or too low counter: sets it to the highest stored sequence, no more, never lower.
   * @returns the counter after the repair; undefined where there is no such chat.
   */
  repairCounter(chatId: ChatId): Promise<ChatCounter | undefined>;
  /** Deletes up to `limit` idempotency keys older than `beforeMs`. @returns how many. Called in the background. */
  expireKeys(beforeMs: number, limit: number): Promise<number>;
}
