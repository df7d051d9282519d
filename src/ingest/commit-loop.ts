/**
 * Drives the writers: takes one batch from every chat that waits and is not under way, commits them with one
 * call to the store, reads the outcomes. Where the store's transaction spans chats (SQLite) this is one
 * commit for everything that waits; elsewhere the adapter runs one transaction per chat.
 */
import { sleep } from "../shared/domain/clock.ts";
import type { ChatId } from "../shared/domain/ids.ts";
import type { BatchOutcome, ChatBatch } from "../shared/stores/message-store.ts";
import { ChatWriter, type WaitingMessage } from "./chat-writer.ts";
import type { IngestDeps } from "./ingest-deps.ts";
import { unavailable } from "./persist-result.ts";

type CommitDeps = Pick<IngestDeps, "clock" | "random" | "logger" | "messages" | "settings">;

export class CommitLoop {
  readonly #deps: CommitDeps;
  readonly #writers = new Map<ChatId, ChatWriter>();
  /** Writers that may have a batch to give. */
  #ready = new Set<ChatWriter>();
  #underWay = 0;
  #closing = false;
  #whenQuiet: (() => void)[] = [];
  #sweeping = false;

  constructor(deps: CommitDeps) {
    this.#deps = deps;
  }

  /** Queues a message behind those of its chat. Call `flush` once all messages of the turn are queued. */
  add(chatId: ChatId, waiting: WaitingMessage): void {
    if (this.#closing) {
      waiting.answer(unavailable);
      return;
    }
    const writer = this.#writerOf(chatId);
    writer.add(waiting);
    if (!writer.busy && writer.hasWaiting) this.#ready.add(writer);
  }

  /** Commits what waits. Never throws; every message is answered through its own callback. */
  flush(): void {
    if (this.#ready.size === 0) return;
    const nowMs = this.#deps.clock.nowMs();
    const ready = this.#ready;
    this.#ready = new Set();
    const unloaded: ChatWriter[] = [];
    const writers: ChatWriter[] = [];
    const batches: ChatBatch[] = [];
    for (const writer of ready) {
      if (writer.busy) continue;
      if (writer.needsCounter) {
        if (writer.hasWaiting) {
          writer.busy = true;
          unloaded.push(writer);
        }
        continue;
      }
      const batch = writer.takeBatch(nowMs, this.#deps.settings.batchMessagesMax);
      if (batch === undefined) continue;
      writer.busy = true;
      writers.push(writer);
      batches.push(batch);
    }
    if (unloaded.length > 0) void this.#load(unloaded);
    if (batches.length > 0) void this.#commit(writers, batches);
  }

  /** Refuses new messages and resolves when everything queued is answered. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#underWay === 0 && this.#ready.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenQuiet.push(resolve);
    });
  }

  /** Lets a repaired chat take messages again. */
  forget(chatId: ChatId): void {
    const writer = this.#writers.get(chatId);
    if (writer !== undefined && !writer.busy) this.#writers.delete(chatId);
  }

  async #load(writers: readonly ChatWriter[]): Promise<void> {
    this.#underWay++;
    try {
      const counters = await this.#deps.messages.counters(writers.map((writer) => writer.chatId));
      for (const [index, writer] of writers.entries()) {
        const counter = counters[index];
        if (counter === undefined) {
          this.#deps.logger.error("counter_missing", { chat_id: writer.chatId, severity: "SEV-1" });
        }
        writer.load(counter);
      }
    } catch (error) {
      this.#deps.logger.warn("counter_read_failed", { error });
      for (const writer of writers) writer.failWaiting(unavailable);
    }
    this.#settled(writers);
  }

  async #commit(writers: readonly ChatWriter[], batches: readonly ChatBatch[]): Promise<void> {
    this.#underWay++;
    let outcomes: readonly BatchOutcome[];
    try {
      outcomes = await this.#deps.messages.commit(batches);
    } catch (cause) {
      outcomes = batches.map((): BatchOutcome => ({ kind: "unknown", cause }));
    }
    const done: ChatWriter[] = [];
    const later: ChatWriter[] = [];
    for (const [index, writer] of writers.entries()) {
      const outcome = outcomes[index] ?? { kind: "unknown", cause: new Error("no outcome") };
      const next = writer.apply(outcome, this.#deps.settings.raceRetriesMax);
      this.#report(writer, outcome);
      if (next === "retry_later") later.push(writer);
      else done.push(writer);
      if (next === "retry_at_once") this.#ready.add(writer);
    }
    for (const writer of later) void this.#retryLater(writer);
    this.#settled(done);
  }

  /** A writer that keeps losing sleeps, reads the counter strongly and tries again. */
  async #retryLater(writer: ChatWriter): Promise<void> {
    this.#underWay++;
    const { raceJitterMinMs, raceJitterMaxMs } = this.#deps.settings;
    await sleep(
      this.#deps.clock,
      raceJitterMinMs + this.#deps.random.float() * (raceJitterMaxMs - raceJitterMinMs),
    );
    this.#underWay--;
    await this.#load([writer]);
  }

  #settled(writers: readonly ChatWriter[]): void {
    this.#underWay--;
    for (const writer of writers) {
      writer.busy = false;
      if (writer.hasWaiting || writer.hasInFlight) this.#ready.add(writer);
    }
    this.flush();
    if (this.#underWay === 0 && this.#ready.size === 0) {
      for (const resolve of this.#whenQuiet.splice(0)) resolve();
    }
  }

  #report(writer: ChatWriter, outcome: BatchOutcome): void {
    const { logger } = this.#deps;
    const chat_id = writer.chatId;
    if (outcome.kind === "counter_missing") logger.error("counter_missing", { chat_id, severity: "SEV-1" });
    else if (outcome.kind === "sequence_collision") {
      logger.error("sequence_collision", { chat_id, sequence: outcome.sequence, severity: "SEV-1" });
    } else if (outcome.kind === "unavailable" || outcome.kind === "unknown") {
      logger.warn("commit_failed", { chat_id, outcome: outcome.kind, error: outcome.cause });
    }
  }

  #writerOf(chatId: ChatId): ChatWriter {
    let writer = this.#writers.get(chatId);
    if (writer === undefined) {
      const { clock, settings } = this.#deps;
      writer = new ChatWriter(chatId, settings.waitingPerChatMax, clock.nowMs());
      this.#writers.set(chatId, writer);
      this.#scheduleSweep();
    }
    return writer;
  }

  /** Drops writers that had no work for `writerIdleMs`; the next message loads its counter again. */
  #scheduleSweep(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const { clock, settings } = this.#deps;
    clock.setTimer(settings.writerIdleMs, () => {
      this.#sweeping = false;
      const before = clock.nowMs() - settings.writerIdleMs;
      for (const [chatId, writer] of this.#writers) {
        if (writer.idle && writer.lastUsedMs <= before) this.#writers.delete(chatId);
      }
      if (this.#writers.size > 0 && !this.#closing) this.#scheduleSweep();
    });
  }
}
