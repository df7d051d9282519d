/** What the conformance suite of message stores needs beside the port, and short ways to make messages. */
import type { ChatId, ClientMessageId, ConnectionId, MessageId, UserId } from "../domain/ids.ts";
import type { BatchOutcome, ChatBatch, MessageStore, NewMessage, StoredMessage } from "./message-store.ts";

export interface OpenMessageStore {
  readonly store: MessageStore;
  /** A second instance over the same data. */
  readonly other: MessageStore;
  /** Makes a chat with a counter of 0. */
  createChat(chatId: ChatId): Promise<void>;
  deleteCounter(chatId: ChatId): Promise<void>;
  /** Writes a false counter, published up to itself. */
  setCounter(chatId: ChatId, sequence: number): Promise<void>;
  close(): Promise<void>;
}

export const startMs = 1_769_853_600_000;
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export const chatIdOf = (name: string): ChatId => `chat_${name}` as ChatId;

/** A well-formed id whose time is `timeMs`; `salt` makes ids of one millisecond differ. */
export function messageIdAt(timeMs: number, salt: number): MessageId {
  const digits = (value: number, count: number): string =>
    Array.from({ length: count }, (_, place) =>
      crockford.charAt(Math.floor(value / 32 ** (count - 1 - place)) % 32),
    ).join("");
  return `msg_${digits(timeMs, 10)}${digits(salt, 16)}` as MessageId;
}

/** The same number gives the same message, with a time of `startMs` + number. */
export function messageOf(number: number, change: Partial<NewMessage> = {}): NewMessage {
  const createdAtMs = startMs + number;
  return {
    messageId: messageIdAt(createdAtMs, number),
    clientMessageId: clientIdOf(number),
    senderId: "user_sender" as UserId,
    content: `message ${number}`,
    contentType: "text/plain",
    createdAtMs,
    originConnectionId: "conn_origin" as ConnectionId,
    traceparent: undefined,
    ...change,
  };
}

export function clientIdOf(number: number): ClientMessageId {
  return `550e8400-e29b-41d4-a716-${number.toString(16).padStart(12, "0")}` as ClientMessageId;
}

export function batchOf(
  chatId: ChatId,
  expectedSequence: number,
  messages: readonly NewMessage[],
): ChatBatch {
  return { chatId, expectedSequence, publishedSequence: expectedSequence, messages };
}

/** Commits one batch and hands back its one outcome. */
export async function commitOne(store: MessageStore, batch: ChatBatch): Promise<BatchOutcome> {
  const outcomes = await store.commit([batch]);
  const outcome = outcomes[0];
  if (outcome === undefined || outcomes.length !== 1)
    throw new Error(`${outcomes.length} outcomes, expected 1`);
  return outcome;
}

/** Fills a chat with the messages `first` … `last`, in batches that fit a transaction. */
export async function fill(store: MessageStore, chatId: ChatId, first: number, last: number): Promise<void> {
  for (let from = first; from <= last; from += 49) {
    const numbers = Array.from({ length: Math.min(49, last - from + 1) }, (_, index) => from + index);
    const outcome = await commitOne(
      store,
      batchOf(
        chatId,
        from - 1,
        numbers.map((number) => messageOf(number)),
      ),
    );
    if (outcome.kind !== "committed") throw new Error(`could not fill ${chatId}: ${outcome.kind}`);
  }
}

/** The whole chat, page by page. */
export async function readAll(
  store: MessageStore,
  chatId: ChatId,
  pageSize: number,
): Promise<StoredMessage[]> {
  const all: StoredMessage[] = [];
  for (;;) {
    const after = all.at(-1)?.sequence ?? 0;
    const page = await store.read({
      chatId,
      after,
      before: undefined,
      direction: "forward",
      limit: pageSize,
    });
    all.push(...page.messages);
    if (!page.hasMore) return all;
  }
}
