/**
 * Storage on a thread of its own, so that an fsync never stalls a socket. Lookups run on the caller's thread, on a
 * connection of their own: they take microseconds, where a trip to the thread costs more and waits for the fsync
 * under way.
 */
import type { Database } from "bun:sqlite";
import { TriplaneError } from "../../domain/errors.ts";
import type { Command } from "./command.ts";
import { CommandQueue } from "./command-queue.ts";
import { commands } from "./commands.ts";
import { defaultDatabaseOptions, openLookups } from "./open-database.ts";
import { type AnswerSink, storeError } from "./run-batch.ts";
import type { Storage } from "./storage.ts";
import { type FromStorage, fromWire, type ToStorage } from "./storage-protocol.ts";

export interface ThreadStorageOptions {
  readonly waitingMax: number;
  readonly batchCommandsMax: number;
  readonly busyTimeoutMs: number;
  readonly cacheKib: number;
}

export const defaultThreadStorageOptions: ThreadStorageOptions = {
  waitingMax: 100_000,
  batchCommandsMax: 4096,
  ...defaultDatabaseOptions,
};

/** @throws {Error} the file cannot be used: one line with the way out */
export function openThreadStorage(
  path: string,
  options: ThreadStorageOptions = defaultThreadStorageOptions,
): Promise<Storage> {
  return attachStorage(new Worker(new URL("./storage-worker.ts", import.meta.url)), path, options);
}

/** Opens the database in a worker that speaks the storage protocol. */
export async function attachStorage(
  worker: Worker,
  path: string,
  options: ThreadStorageOptions,
): Promise<Storage> {
  const storage = new ThreadStorage(worker, options);
  await storage.open(path);
  return storage;
}

class ThreadStorage implements Storage {
  readonly #worker: Worker;
  readonly #options: ThreadStorageOptions;
  readonly #queue: CommandQueue;
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #lookups: Database | undefined;
  #state: "opening" | "open" | "closing" | "dead" = "opening";
  #answer: AnswerSink = () => {};

  constructor(worker: Worker, options: ThreadStorageOptions) {
    this.#worker = worker;
    this.#options = options;
    this.#queue = new CommandQueue({
      waitingMax: options.waitingMax,
      batchCommandsMax: options.batchCommandsMax,
      schedule: queueMicrotask,
      execute: (requests, answer) => {
        this.#answer = answer;
        this.#post({
          type: "batch",
          names: requests.map((request) => request.command.name),
          inputs: requests.map((request) => request.input),
        });
      },
    });
    worker.onmessage = (event: MessageEvent<FromStorage>) => this.#receive(event.data);
    worker.onerror = (event) => this.#die(new Error(event.message));
    worker.addEventListener("close", () => this.#die(new Error("the storage thread ended")));
  }

  async open(path: string): Promise<void> {
    const { busyTimeoutMs, cacheKib } = this.#options;
    this.#post({ type: "open", path, busyTimeoutMs, cacheKib });
    await this.#opened.promise;
    // A database in memory has one connection: there lookups are reads like any other.
    if (path !== ":memory:") this.#lookups = openLookups(path, this.#options);
  }

  run<Input, Output>(command: Command<Input, Output>, input: Input): Promise<Output> {
    if (commands.get(command.name) !== command) {
      return Promise.reject(new Error(`store command ${command.name} is not in the registry`));
    }
    return command.kind === "lookup" && this.#lookups !== undefined
      ? this.#lookup(this.#lookups, command, input)
      : this.#queue.run(command, input);
  }

  async #lookup<Input, Output>(db: Database, command: Command<Input, Output>, input: Input): Promise<Output> {
    if (this.#state !== "open") throw new TriplaneError("SERVICE_UNAVAILABLE", "The store is closed");
    try {
      // One read transaction for all its statements: each by itself would lock and unlock the file.
      db.query("BEGIN").run();
      try {
        return command.run(db, input);
      } finally {
        db.query("COMMIT").run();
      }
    } catch (thrown) {
      throw storeError(thrown);
    }
  }

  healthy(): boolean {
    return this.#state === "open";
  }

  async close(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closing";
    await this.#queue.drain(new TriplaneError("SERVICE_UNAVAILABLE", "The store is closed"));
    this.#post({ type: "close" });
    await this.#closed.promise;
    this.#lookups?.close();
    this.#worker.terminate();
  }

  #post(message: ToStorage): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromStorage): void {
    if (message.type === "answers") this.#answer(message.from, message.answers.map(fromWire));
    else if (message.type === "opened") {
      this.#state = "open";
      this.#opened.resolve();
    } else if (message.type === "open_failed") {
      this.#opened.reject(new Error(message.message));
      this.#state = "dead";
      this.#worker.terminate();
    } else this.#closed.resolve();
  }

  #die(cause: Error): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#opened.reject(cause);
    this.#closed.resolve();
    this.#queue.fail(
      new TriplaneError("SERVICE_UNAVAILABLE", "The store has failed, a restart is needed", { cause }),
    );
  }
}
