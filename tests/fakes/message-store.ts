/**
 * A message store with planted faults, over a real one that keeps the truth: outcomes that lie about nothing but
 * hide, delay or refuse what the store did. Faults are taken one per commit of a batch, in the order planted.
 */
import { type Clock, sleep } from "../../src/shared/domain/clock.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import type { ChatId } from "../../src/shared/domain/ids.ts";
import type {
  BatchOutcome,
  ChatBatch,
  ChatCounter,
  MessageStore,
  SequenceRange,
} from "../../src/shared/stores/message-store.ts";

export type CommitFault =
  /** Nothing stored, and the store says so. */
  | { readonly kind: "unavailable" }
  /** Nothing stored, nobody knows. */
  | { readonly kind: "unknown_before" }
  /** Stored, nobody knows. */
  | { readonly kind: "unknown_after" }
  /** The call itself fails, before or after its commit. */
  | { readonly kind: "throws_before" | "throws_after" }
  /** Another writer commits in between: the race is lost for real. */
  | { readonly kind: "raced"; readonly by: () => Promise<void> }
  /** The outcome comes, late. */
  | { readonly kind: "slow"; readonly beforeMs: number; readonly afterMs: number };

export const unplanned = new TriplaneError("SERVICE_UNAVAILABLE", "planted");

export class FaultyMessageStore implements MessageStore {
  readonly #inner: MessageStore;
  readonly #clock: Clock;
  #faults: CommitFault[] = [];
  /** Every batch that reached the store, in order. */
  readonly commits: ChatBatch[] = [];
  /** Faults that fired. */
  fired = 0;
  counterReads = 0;
  failCounterReads = 0;
  /** Reads that miss the newest message in the middle of the page, as a half applied batch would look. */
  halfVisibleReads = 0;
  /** Lookups of keys that find nothing, as an eventual read may. */
  staleKeyReads = 0;
  /** Draws a fault for each batch when none is planted. */
  draw: (() => CommitFault | undefined) | undefined;

  constructor(inner: MessageStore, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  get publishesOnCommit(): boolean {
    return this.#inner.publishesOnCommit;
  }

  plant(...faults: readonly CommitFault[]): void {
    this.#faults.push(...faults);
  }

  /** One call commits every batch by itself, so that each may meet its own fault. */
  async commit(batches: readonly ChatBatch[]): Promise<readonly BatchOutcome[]> {
    return Promise.all(batches.map((batch) => this.#commitOne(batch)));
  }

  async counters(chatIds: readonly ChatId[]): Promise<readonly (ChatCounter | undefined)[]> {
    this.counterReads++;
    if (this.failCounterReads > 0) {
      this.failCounterReads--;
      throw unplanned;
    }
    return this.#inner.counters(chatIds);
  }

  async read(range: SequenceRange) {
    const page = await this.#inner.read(range);
    if (this.halfVisibleReads === 0) return page;
    this.halfVisibleReads--;
    const middle = Math.floor(page.messages.length / 2);
    return { ...page, messages: page.messages.filter((_, index) => index !== middle) };
  }

  async findKeys(keys: Parameters<MessageStore["findKeys"]>[0]) {
    if (this.staleKeyReads === 0) return this.#inner.findKeys(keys);
    this.staleKeyReads--;
    return keys.map(() => undefined);
  }

  latest: MessageStore["latest"] = (chatIds) => this.#inner.latest(chatIds);
  findMessage: MessageStore["findMessage"] = (chatId, messageId) =>
    this.#inner.findMessage(chatId, messageId);
  markPublished: MessageStore["markPublished"] = (chatId, sequence) =>
    this.#inner.markPublished(chatId, sequence);
  findUnpublished: MessageStore["findUnpublished"] = (since, limit) =>
    this.#inner.findUnpublished(since, limit);
  repairCounter: MessageStore["repairCounter"] = (chatId) => this.#inner.repairCounter(chatId);
  expireKeys: MessageStore["expireKeys"] = (beforeMs, limit) => this.#inner.expireKeys(beforeMs, limit);

  async #commitOne(batch: ChatBatch): Promise<BatchOutcome> {
    this.commits.push(batch);
    const fault = this.#faults.shift() ?? this.draw?.();
    if (fault === undefined) return this.#apply(batch);
    this.fired++;
    switch (fault.kind) {
      case "unavailable":
        return { kind: "unavailable", cause: unplanned };
      case "unknown_before":
        return { kind: "unknown", cause: unplanned };
      case "unknown_after":
        await this.#apply(batch);
        return { kind: "unknown", cause: unplanned };
      case "throws_before":
        throw unplanned;
      case "throws_after":
        await this.#apply(batch);
        throw unplanned;
      case "raced":
        await fault.by();
        return this.#apply(batch);
      case "slow": {
        await sleep(this.#clock, fault.beforeMs);
        const outcome = await this.#apply(batch);
        await sleep(this.#clock, fault.afterMs);
        return outcome;
      }
    }
  }

  async #apply(batch: ChatBatch): Promise<BatchOutcome> {
    const [outcome] = await this.#inner.commit([batch]);
    if (outcome === undefined) throw new Error("the store gave no outcome");
    return outcome;
  }
}
