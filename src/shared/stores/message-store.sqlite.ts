/** Messages in SQLite: see port. A message's row is its log record, so it is published by its own commit. */
import type { ChatId, ClientMessageId, MessageId } from "../domain/ids.ts";
import { limits } from "../domain/limits.ts";
import type {
  BatchOutcome,
  ChatBatch,
  ChatCounter,
  IdempotencyKey,
  MessageOutcome,
  MessagePage,
  MessageStore,
  SequenceRange,
  StoredMessage,
} from "./message-store.ts";
import type { LogTail } from "./sqlite/log-tail.ts";
import { type CommitResult, commitMessages } from "./sqlite/message-commit.ts";
import {
  findKeys,
  findNearTime,
  readCounters,
  readLatest,
  readMessages,
  scanForMessage,
} from "./sqlite/message-reads.ts";
import { MessageRecord } from "./sqlite/message-record.ts";
import { expireMessageKeys, repairCounter } from "./sqlite/message-upkeep.ts";
import type { Storage } from "./sqlite/storage.ts";

/** Messages looked at per command of a full search: a slice of about a millisecond. */
const scanSlice = 1000;

export class SqliteMessageStore implements MessageStore {
  readonly publishesOnCommit = true;
  readonly #storage: Storage;
  readonly #tail: LogTail;

  constructor(storage: Storage, tail: LogTail) {
    this.#storage = storage;
    this.#tail = tail;
  }

  findKeys(
    keys: readonly { readonly chatId: ChatId; readonly clientMessageId: ClientMessageId }[],
  ): Promise<readonly (IdempotencyKey | undefined)[]> {
    return this.#storage.run(findKeys, keys);
  }

  async commit(batches: readonly ChatBatch[]): Promise<readonly BatchOutcome[]> {
    let results: readonly CommitResult[];
    try {
      results = await this.#storage.run(commitMessages, batches);
    } catch (cause) {
      // Only a thread that died in the middle leaves it open whether the COMMIT happened.
      const kind = this.#storage.healthy() ? "unavailable" : "unknown";
      return batches.map(() => ({ kind, cause }));
    }
    const records: MessageRecord[] = [];
    const outcomes = results.map((result, index) =>
      outcomeOf(result, batches[index], records, this.#tail.producerId),
    );
    this.#tail.append("messages.persisted", records);
    return outcomes;
  }

  counters(chatIds: readonly ChatId[]): Promise<readonly (ChatCounter | undefined)[]> {
    return this.#storage.run(readCounters, chatIds);
  }

  read(range: SequenceRange): Promise<MessagePage> {
    if (range.limit < 1 || range.limit > limits.syncPageMax) {
      throw new RangeError(`limit ${range.limit} is outside 1 … ${limits.syncPageMax}`);
    }
    return this.#storage.run(readMessages, range);
  }

  latest(chatIds: readonly ChatId[]): Promise<readonly (StoredMessage | undefined)[]> {
    return this.#storage.run(readLatest, chatIds);
  }

  async findMessage(chatId: ChatId, messageId: MessageId): Promise<StoredMessage | undefined> {
    const near = await this.#storage.run(findNearTime, { chatId, messageId });
    if (near !== undefined) return near;
    let after: number | undefined = 0;
    while (after !== undefined) {
      const slice: { found: StoredMessage | undefined; next: number | undefined } = await this.#storage.run(
        scanForMessage,
        { chatId, messageId, after, limit: scanSlice },
      );
      if (slice.found !== undefined) return slice.found;
      after = slice.next;
    }
    return undefined;
  }

  async markPublished(): Promise<void> {}

  async findUnpublished(): Promise<readonly ChatCounter[]> {
    return [];
  }

  repairCounter(chatId: ChatId): Promise<ChatCounter | undefined> {
    return this.#storage.run(repairCounter, chatId);
  }

  expireKeys(beforeMs: number, limit: number): Promise<number> {
    return this.#storage.run(expireMessageKeys, { beforeMs, limit });
  }
}

/** Spells a result out per message and adds the stored ones to `records`. */
function outcomeOf(
  result: CommitResult,
  batch: ChatBatch | undefined,
  records: MessageRecord[],
  producerId: string,
): BatchOutcome {
  if (result.kind !== "committed" || batch === undefined) return result as BatchOutcome;
  const { chatId } = batch;
  const duplicates = new Map(result.duplicates.map(({ index, key }) => [index, key]));
  let { firstOffset: offset } = result;
  let sequence = batch.expectedSequence;
  const results = batch.messages.map((message, index): MessageOutcome => {
    const key = duplicates.get(index);
    if (key !== undefined) return { kind: "duplicate", key };
    sequence += 1;
    records.push(new MessageRecord({ ...message, offset, chatId, sequence }, producerId));
    offset += 1;
    return { kind: "stored", sequence };
  });
  return { kind: "committed", sequence: result.sequence, results };
}
