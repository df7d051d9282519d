/** Gathers changes into batches for the storage: one write at a time, what comes meanwhile goes together next. */
import { backoffMs } from "./backoff.ts";
import type { Clock, Random, Timer } from "./ports.ts";
import type { ClientStorage, StorageChange } from "./storage.ts";

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** Changes that may wait for a failing storage; beyond, `put` rejects. */
const pendingMax = 100_000;
/** From here on nothing more should be fetched: what is asked for already still finds room. */
const behindMin = 50_000;

/**
 * Guarantee: `put` resolves when its changes, and all earlier ones, are durable. A failed write is repeated with
 * back-off for as long as it takes, reported each time; nothing later overtakes it.
 */
export class DurableWriter {
  readonly #storage: ClientStorage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onFailure: (cause: unknown) => void;
  #pending = new Map<string, string | undefined>();
  #waiting: Waiting[] = [];
  #writing = false;
  #closed = false;
  #failures = 0;
  #retry: Timer | undefined;
  #idle: (() => void)[] = [];

  constructor(storage: ClientStorage, clock: Clock, random: Random, onFailure: (cause: unknown) => void) {
    this.#storage = storage;
    this.#clock = clock;
    this.#random = random;
    this.#onFailure = onFailure;
  }

  /** Storage does not keep up: who brings messages should stop. */
  get isBehind(): boolean {
    return this.#pending.size >= behindMin;
  }

  put(changes: readonly StorageChange[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the storage writer is closed"));
    if (this.#pending.size + changes.length > pendingMax) {
      return Promise.reject(
        new Error(`${this.#pending.size + changes.length} changes wait for the storage, limit ${pendingMax}`),
      );
    }
    for (const { key, value } of changes) this.#pending.set(key, value);
    const written = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (!this.#writing && this.#retry === undefined) void this.#run();
    return written;
  }

  /** Resolves when nothing waits, or the storage fails. */
  settled(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Ends at once; what is not written is not written. */
  abandon(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#pending.clear();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(new Error("the storage writer is closed"));
    this.#tellIdle();
  }

  async #run(): Promise<void> {
    this.#writing = true;
    this.#retry = undefined;
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#pending;
      const waiting = this.#waiting;
      this.#pending = new Map();
      this.#waiting = [];
      try {
        await this.#storage.write([...batch].map(([key, value]) => ({ key, value })));
      } catch (cause) {
        this.#onFailure(cause);
        this.#takeBack(batch, waiting);
        break;
      }
      this.#failures = 0;
      for (const { resolve } of waiting) resolve();
    }
    this.#writing = false;
    this.#tellIdle();
  }

  #takeBack(batch: Map<string, string | undefined>, waiting: readonly Waiting[]): void {
    if (this.#closed) {
      for (const { reject } of waiting) reject(new Error("the storage writer is closed"));
      return;
    }
    // What came meanwhile is newer and wins.
    for (const [key, value] of this.#pending) batch.set(key, value);
    this.#pending = batch;
    this.#waiting = [...waiting, ...this.#waiting];
    const delayMs = backoffMs(this.#random, this.#failures++);
    this.#retry = this.#clock.setTimer(delayMs, () => void this.#run());
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
