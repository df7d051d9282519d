/** Ingest instances over one embedded store, on a virtual clock, with planted faults between them and the store. */
import { CommitLoop } from "../../src/ingest/commit-loop.ts";
import { defaultIngestSettings, type IngestDeps, type IngestSettings } from "../../src/ingest/ingest-deps.ts";
import { type PersistItem, persistMessages } from "../../src/ingest/persist-messages.ts";
import type { PersistFailure, PersistResult, PersistSuccess } from "../../src/ingest/persist-result.ts";
import type { SendGuard } from "../../src/ingest/send-guard.ts";
import { type ChatId, createIds, type UserId } from "../../src/shared/domain/ids.ts";
import type { LogFields, Logger } from "../../src/shared/runtime/logger.ts";
import { createSqliteChatStore } from "../../src/shared/stores/chat-store.sqlite.ts";
import type { ChatStore } from "../../src/shared/stores/chat-store.ts";
import { SqliteDeliveryStateStore } from "../../src/shared/stores/delivery-state-store.sqlite.ts";
import { SqliteEventLog } from "../../src/shared/stores/event-log.sqlite.ts";
import { SqliteMessageStore } from "../../src/shared/stores/message-store.sqlite.ts";
import type { StoredMessage } from "../../src/shared/stores/message-store.ts";
import { openInlineStorage } from "../../src/shared/stores/sqlite/inline-storage.ts";
import { LogTail } from "../../src/shared/stores/sqlite/log-tail.ts";
import type { Storage } from "../../src/shared/stores/sqlite/storage.ts";
import { FakeAccessTokens } from "../simulation/access-tokens.fake.ts";
import { SeededRandom } from "../simulation/seeded-random.ts";
import { VirtualClock } from "../simulation/virtual-clock.ts";
import { FaultyMessageStore } from "./message-store.ts";

export const alice = "user_ALICE" as UserId;
export const bob = "user_BOB" as UserId;
export const mallory = "user_MALLORY" as UserId;

export interface IngestInstance {
  readonly deps: IngestDeps;
  readonly store: FaultyMessageStore;
  readonly loop: CommitLoop;
  persist(...items: readonly PersistItem[]): Promise<readonly PersistResult[]>;
}

export class IngestCluster {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly storage: Storage;
  readonly tail = new LogTail({ recordsMax: 1000, producerId: "test" });
  /** The store as it is, without faults. */
  readonly truth: SqliteMessageStore;
  readonly log: SqliteEventLog;
  readonly chats: ChatStore;
  readonly deliveryStates: SqliteDeliveryStateStore;
  readonly logged: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
  readonly #tokens = new FakeAccessTokens(this.clock);
  readonly #tokenOf = new Map<UserId, string>();
  #messageNumber = 0;

  constructor(seed = 1, path = ":memory:") {
    this.random = new SeededRandom(seed);
    this.storage = openInlineStorage(path);
    this.truth = new SqliteMessageStore(this.storage, this.tail);
    this.log = new SqliteEventLog(this.storage, this.tail, this.clock);
    this.chats = createSqliteChatStore(this.storage, { groupMembersMax: 100 });
    this.deliveryStates = new SqliteDeliveryStateStore(this.storage);
  }

  instance(settings: Partial<IngestSettings> = {}, sendGuard?: SendGuard): IngestInstance {
    const store = new FaultyMessageStore(this.truth, this.clock);
    const note = (event: string, fields?: LogFields): void => void this.logged.push({ event, fields });
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const deps: IngestDeps = {
      clock: this.clock,
      random: this.random,
      ids: createIds(this.clock, this.random),
      logger,
      messages: store,
      chats: this.chats,
      deliveryStates: this.deliveryStates,
      tokens: this.#tokens,
      sendGuard,
      settings: { ...defaultIngestSettings, ...settings },
    };
    const loop = new CommitLoop(deps);
    return { deps, store, loop, persist: (...items) => persistMessages(deps, loop, items) };
  }

  /** A group of alice and bob with an empty history. */
  async createChat(name: string): Promise<ChatId> {
    const chatId = `chat_${name}` as ChatId;
    const createdAtMs = this.clock.nowMs();
    await this.chats.createGroup({
      chatId,
      name,
      createdBy: alice,
      memberIds: [bob],
      createdAtMs,
      idempotency: undefined,
    });
    for (const userId of [alice, bob, mallory]) await this.#token(userId);
    return chatId;
  }

  /** A send of its own, unless `change` says whose repetition it is. */
  item(chatId: ChatId, change: Partial<PersistItem> = {}): PersistItem {
    const number = ++this.#messageNumber;
    const senderId = change.senderId ?? alice;
    return {
      clientMessageId: clientIdOf(number),
      chatId,
      senderId,
      connectionId: "conn_1",
      content: `message ${number}`,
      contentType: undefined,
      traceparent: undefined,
      deadlineMs: 5000,
      accessToken: this.#tokenOf.get(senderId as UserId) ?? "",
      ...change,
    };
  }

  items(chatId: ChatId, count: number, change: Partial<PersistItem> = {}): readonly PersistItem[] {
    return Array.from({ length: count }, () => this.item(chatId, change));
  }

  /** Runs the clock until the results are there. */
  async settled<T>(work: Promise<T>, maxMs = 60_000): Promise<T> {
    let done = false;
    const note = (): void => {
      done = true;
    };
    work.then(note, note);
    await this.clock.runUntil(() => done, maxMs);
    return work;
  }

  /** Everything stored of a chat, ascending. */
  async stored(chatId: ChatId): Promise<readonly StoredMessage[]> {
    const all: StoredMessage[] = [];
    for (;;) {
      const after = all.at(-1)?.sequence ?? 0;
      const page = await this.truth.read({
        chatId,
        after,
        before: undefined,
        direction: "forward",
        limit: 500,
      });
      all.push(...page.messages);
      if (!page.hasMore) return all;
    }
  }

  async counter(chatId: ChatId): Promise<number | undefined> {
    return (await this.truth.counters([chatId]))[0]?.sequence;
  }

  /** Events of `messages.persisted` so far, in log order. */
  async events(): Promise<
    readonly { readonly chatId: string; readonly sequence: number; readonly payload: unknown }[]
  > {
    const consumer = await this.log.consumer(
      `reader-${this.random.below(2 ** 31)}`,
      ["messages.persisted"],
      async () => {},
    );
    const found: { chatId: string; sequence: number; payload: unknown }[] = [];
    for (;;) {
      const records = await this.settled(consumer.poll(500, 0));
      if (records.length === 0) break;
      for (const record of records) {
        const event = JSON.parse(new TextDecoder().decode(record.value()));
        found.push({
          chatId: event.payload.chat_id,
          sequence: event.payload.sequence,
          payload: event.payload,
        });
      }
    }
    await consumer.close();
    return found;
  }

  async #token(userId: UserId): Promise<void> {
    const nowSeconds = Math.floor(this.clock.nowMs() / 1000);
    this.#tokenOf.set(
      userId,
      await this.#tokens.sign({
        sub: userId,
        sid: `sess_${userId.slice(5)}` as Parameters<FakeAccessTokens["sign"]>[0]["sid"],
        jti: `jti-${userId}`,
        iat: nowSeconds,
        exp: nowSeconds + 10 * 3600,
      }),
    );
  }
}

export function clientIdOf(number: number): string {
  return `550e8400-e29b-41d4-a716-${number.toString(16).padStart(12, "0")}`;
}

export function success(result: PersistResult | undefined): PersistSuccess {
  if (result?.ok !== true) throw new Error(`expected a success, got ${JSON.stringify(result)}`);
  return result;
}

export function failure(result: PersistResult | undefined): PersistFailure {
  if (result?.ok !== false) throw new Error(`expected a failure, got ${JSON.stringify(result)}`);
  return result;
}

export function sequencesOf(results: readonly PersistResult[]): readonly number[] {
  return results.map((result) => success(result).sequence);
}

export function upTo(last: number, first = 1): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
