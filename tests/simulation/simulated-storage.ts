/**
 * The real store commands on a real database file, without the thread and with faults: batches take virtual
 * time, fail as on a full disk, and die with their process before or after the commit.
 */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../src/shared/domain/clock.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import type { Command } from "../../src/shared/stores/sqlite/command.ts";
import { CommandQueue } from "../../src/shared/stores/sqlite/command-queue.ts";
import { defaultDatabaseOptions, openDatabase } from "../../src/shared/stores/sqlite/open-database.ts";
import { type AnswerSink, type CommandRequest, runBatch } from "../../src/shared/stores/sqlite/run-batch.ts";
import type { Storage } from "../../src/shared/stores/sqlite/storage.ts";
import type { FaultCounts } from "./fault-counts.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What the disk is like at the moment. */
export interface DiskWeather {
  /** Writes are refused, reads go on. */
  full: boolean;
  /** Time of a batch, from its issue to its answer. */
  batchMs: { min: number; max: number };
}

export const fineDisk = (): DiskWeather => ({ full: false, batchMs: { min: 0, max: 6 } });

/** What a kill does to a commit that has not happened yet. */
export type CommitFate = "committed" | "lost";

const waitingMax = 100_000;
const batchCommandsMax = 4096;

interface Batch {
  readonly requests: readonly CommandRequest[];
  executed: boolean;
}

export class SimulatedStorage implements Storage {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #random: SeededRandom;
  readonly #weather: DiskWeather;
  readonly #faults: FaultCounts;
  readonly #queue: CommandQueue;
  #batch: Batch | undefined;
  #open = true;

  /** @param clock the process's own: when it stops, nothing is executed or answered any more */
  constructor(path: string, clock: Clock, random: SeededRandom, weather: DiskWeather, faults: FaultCounts) {
    this.#db = openDatabase(path, defaultDatabaseOptions);
    // Which commits a kill loses is decided here, so the real disk need not be waited for.
    this.#db.run("PRAGMA synchronous = OFF");
    this.#clock = clock;
    this.#random = random;
    this.#weather = weather;
    this.#faults = faults;
    this.#queue = new CommandQueue({
      waitingMax,
      batchCommandsMax,
      schedule: (callback) => void clock.setTimer(0, callback),
      execute: (requests, answer) => this.#start(requests, answer),
    });
  }

  run<Input, Output>(command: Command<Input, Output>, input: Input): Promise<Output> {
    return this.#queue.run(command, input);
  }

  healthy(): boolean {
    return this.#open;
  }

  async close(): Promise<void> {
    await this.#queue.drain(new TriplaneError("SERVICE_UNAVAILABLE", "The store is closed"));
    this.#closeDatabase();
  }

  /** The process is gone. What was under way is in the file or not, and nobody is told. Stop its clock as well. */
  kill(fate: CommitFate | undefined): void {
    const batch = this.#batch;
    if (batch !== undefined) {
      const commits = fate === undefined ? this.#random.chance(0.5) : fate === "committed";
      if (!batch.executed && commits) {
        this.#execute(batch.requests, () => undefined);
        batch.executed = true;
      }
      if (this.writing) this.#faults.note(batch.executed ? "commit_unanswered" : "commit_lost");
    }
    this.#closeDatabase();
  }

  /** A commit is under way: a kill now is one in the middle of something. */
  get writing(): boolean {
    return this.#batch?.requests.some(({ command }) => command.kind === "write") ?? false;
  }

  /** Any of the commands under way. */
  isRunning(commandName: string): boolean {
    return this.#batch?.requests.some(({ command }) => command.name === commandName) ?? false;
  }

  #start(requests: readonly CommandRequest[], answer: AnswerSink): void {
    const { min, max } = this.#weather.batchMs;
    const totalMs = this.#random.between(min, max);
    const executeAfterMs = this.#random.between(0, totalMs);
    const batch: Batch = { requests, executed: false };
    this.#batch = batch;
    this.#clock.setTimer(executeAfterMs, () => {
      const answers: Parameters<AnswerSink>[] = [];
      this.#execute(requests, (...given) => answers.push(given));
      batch.executed = true;
      this.#clock.setTimer(totalMs - executeAfterMs, () => {
        this.#batch = undefined;
        for (const given of answers) answer(...given);
      });
    });
  }

  #execute(requests: readonly CommandRequest[], answer: AnswerSink): void {
    const firstWrite = requests.findIndex(({ command }) => command.kind === "write");
    if (!this.#weather.full || firstWrite < 0) {
      runBatch(this.#db, requests, answer);
      return;
    }
    this.#faults.note("store_full");
    if (firstWrite > 0) runBatch(this.#db, requests.slice(0, firstWrite), answer);
    const error = new TriplaneError("SERVICE_UNAVAILABLE", "The store cannot write at the moment");
    answer(
      firstWrite,
      requests.slice(firstWrite).map(() => ({ ok: false, error })),
    );
  }

  #closeDatabase(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#db.close();
  }
}
