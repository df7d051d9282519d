/**
 * The writer of one chat: holds the counter, takes what waits into one batch, and reads the outcome (D1).
 * At most one batch is under way; whatever arrives meanwhile waits for the next. Correctness rests on the
 * store's conditions alone: this object only makes contention rare.
 */
import type { ChatId } from "../shared/domain/ids.ts";
import type {
  BatchOutcome,
  ChatBatch,
  ChatCounter,
  IdempotencyKey,
  NewMessage,
} from "../shared/stores/message-store.ts";
import { duplicateOf, failed, type PersistResult, stored, unavailable } from "./persist-result.ts";

/** A message on its way, and whom to answer. */
export interface WaitingMessage {
  readonly message: NewMessage;
  /** Its own deadline: past it, the message no longer enters a batch. */
  readonly deadlineMs: number;
  readonly answer: (result: PersistResult) => void;
}

/** What the commit loop does next for this chat. */
export type AfterOutcome = "done" | "retry_at_once" | "retry_later";

interface Entry extends WaitingMessage {
  /** Repetitions of the same client message id that arrived while this one was under way. */
  followers: WaitingMessage[] | undefined;
}

export class ChatWriter {
  readonly chatId: ChatId;
  /** When it last had work, for dropping idle writers. */
  lastUsedMs: number;
  /** Set by the commit loop while a batch, a reload or a pause is under way. */
  busy = false;
  races = 0;
  readonly #waitingMax: number;
  #counter: ChatCounter | undefined;
  #waiting: Entry[] = [];
  #inFlight: Entry[] = [];
  #byClientId = new Map<string, Entry>();
  #halted: string | undefined;
  /** The highest value this writer saw committed: a counter below it is corrupt. */
  #highest = 0;

  constructor(chatId: ChatId, waitingMax: number, nowMs: number) {
    this.chatId = chatId;
    this.#waitingMax = waitingMax;
    this.lastUsedMs = nowMs;
  }

  get idle(): boolean {
    return !this.busy && this.#waiting.length === 0 && this.#halted === undefined;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Messages of a lost race that wait for their retry. */
  get hasInFlight(): boolean {
    return this.#inFlight.length > 0;
  }

  get needsCounter(): boolean {
    return this.#counter === undefined;
  }

  /** FIFO. Two messages with one client id never share a transaction: the later waits for the earlier's outcome. */
  add(waiting: WaitingMessage): void {
    const twin = this.#byClientId.get(waiting.message.clientMessageId);
    if (twin !== undefined) {
      twin.followers ??= [];
      if (twin.followers.length >= this.#waitingMax) waiting.answer(unavailable);
      else twin.followers.push(waiting);
      return;
    }
    if (this.#halted !== undefined) {
      waiting.answer(failed("INTERNAL_ERROR", this.#halted));
      return;
    }
    if (this.#waiting.length >= this.#waitingMax) {
      waiting.answer(unavailable);
      return;
    }
    const entry: Entry = { ...waiting, followers: undefined };
    this.#waiting.push(entry);
    this.#byClientId.set(waiting.message.clientMessageId, entry);
  }

  /** Takes over a counter read from the store; undefined: the row is missing, the chat is halted (S-7). */
  load(counter: ChatCounter | undefined): void {
    if (counter === undefined) {
      this.#failAll(failed("INTERNAL_ERROR", "The chat's counter is missing"));
      return;
    }
    if (counter.sequence < this.#highest || !Number.isSafeInteger(counter.sequence)) {
      this.#halt(`The chat's counter is ${counter.sequence}, at least ${this.#highest} was committed`);
      return;
    }
    this.#counter = counter;
  }

  /** The next batch, or undefined when nothing waits that still has time. */
  takeBatch(nowMs: number, messagesMax: number): ChatBatch | undefined {
    const counter = this.#counter;
    if (counter === undefined) return undefined;
    while (this.#inFlight.length < messagesMax) {
      const entry = this.#waiting.shift();
      if (entry === undefined) break;
      if (entry.deadlineMs <= nowMs) this.#settle(entry, unavailable, true);
      else this.#inFlight.push(entry);
    }
    if (this.#inFlight.length === 0) return undefined;
    this.lastUsedMs = nowMs;
    return {
      chatId: this.chatId,
      expectedSequence: counter.sequence,
      publishedSequence: counter.publishedSequence,
      messages: this.#inFlight.map((entry) => entry.message),
    };
  }

  /** Reads a batch's outcome and answers its messages, or keeps them for a retry. */
  apply(outcome: BatchOutcome, raceRetriesMax: number): AfterOutcome {
    switch (outcome.kind) {
      case "committed":
        this.#committed(outcome);
        return "done";
      case "lost_race":
        return this.#lostRace(outcome.counter, raceRetriesMax);
      case "counter_missing":
        this.#counter = undefined;
        this.#failAll(failed("INTERNAL_ERROR", "The chat's counter is missing"));
        return "done";
      case "sequence_collision":
        this.#halt(`Sequence ${outcome.sequence} is taken although the counter is below it`);
        return "done";
      case "unavailable":
      case "unknown":
        this.#counter = undefined;
        this.#failInFlight(unavailable, true);
        return "done";
      default: {
        const never: never = outcome;
        throw new Error(`unknown outcome ${String(never)}`);
      }
    }
  }

  /** Refuses everything: the process is going down or the store could not be asked. */
  failWaiting(result: PersistResult): void {
    this.#failAll(result);
  }

  #committed(outcome: Extract<BatchOutcome, { kind: "committed" }>): void {
    this.races = 0;
    this.#highest = outcome.sequence;
    this.#counter = {
      chatId: this.chatId,
      sequence: outcome.sequence,
      publishedSequence: outcome.sequence,
    };
    const entries = this.#inFlight;
    this.#inFlight = [];
    for (const [index, entry] of entries.entries()) {
      const result = outcome.results[index];
      if (result === undefined) {
        this.#settle(entry, failed("INTERNAL_ERROR", "The store gave no result"), true);
      } else if (result.kind === "stored") {
        this.#settle(entry, stored(entry.message, result.sequence), true);
      } else {
        this.#settle(entry, answerForKey(entry, result.key), true);
      }
    }
  }

  #lostRace(counter: ChatCounter, raceRetriesMax: number): AfterOutcome {
    this.load(counter);
    if (this.#halted !== undefined) return "done";
    this.races++;
    if (this.races > raceRetriesMax) {
      this.#failInFlight(unavailable, true);
      return "done";
    }
    return this.races === 1 ? "retry_at_once" : "retry_later";
  }

  #halt(reason: string): void {
    this.#halted = reason;
    this.#counter = undefined;
    this.#failAll(failed("INTERNAL_ERROR", reason));
  }

  get haltedBecause(): string | undefined {
    return this.#halted;
  }

  #failAll(result: PersistResult): void {
    this.#failInFlight(result, false);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const entry of waiting) this.#settle(entry, result, false);
  }

  #failInFlight(result: PersistResult, tryFollowersAnew: boolean): void {
    this.races = 0;
    const entries = this.#inFlight;
    this.#inFlight = [];
    for (const entry of entries) this.#settle(entry, result, tryFollowersAnew);
  }

  /** Answers the message. Its repetitions get the same as duplicates; when it failed they are tried anew, or fail alike. */
  #settle(entry: Entry, result: PersistResult, tryFollowersAnew: boolean): void {
    this.#byClientId.delete(entry.message.clientMessageId);
    entry.answer(result);
    for (const follower of entry.followers ?? []) {
      if (result.ok) follower.answer({ ...result, deduplicated: true });
      else if (tryFollowersAnew) this.add(follower);
      else follower.answer(result);
    }
  }
}

/** A key that carries our own message id is our own earlier attempt: it committed, nothing was repeated. */
function answerForKey(entry: Entry, key: IdempotencyKey): PersistResult {
  const result = duplicateOf(key);
  return key.messageId === entry.message.messageId ? { ...result, deduplicated: false } : result;
}
