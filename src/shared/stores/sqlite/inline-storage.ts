/** Storage on the caller's thread: for the simulation, tools and unit tests. */
import { TriplaneError } from "../../domain/errors.ts";
import type { Command } from "./command.ts";
import { CommandQueue } from "./command-queue.ts";
import { defaultDatabaseOptions, openDatabase } from "./open-database.ts";
import { runBatch } from "./run-batch.ts";
import type { Storage } from "./storage.ts";

export interface InlineStorageOptions {
  readonly waitingMax: number;
  readonly batchCommandsMax: number;
  /** When a batch starts, relative to the first command of it; microtasks by default, so that it needs no timer. */
  readonly schedule: (callback: () => void) => void;
}

export const defaultInlineStorageOptions: InlineStorageOptions = {
  waitingMax: 100_000,
  batchCommandsMax: 4096,
  schedule: queueMicrotask,
};

/** @param path a file, or ":memory:". @throws {Error} the file cannot be used: one line with the way out */
export function openInlineStorage(
  path: string,
  options: InlineStorageOptions = defaultInlineStorageOptions,
): Storage {
  const db = openDatabase(path, defaultDatabaseOptions);
  const queue = new CommandQueue({
    ...options,
    execute: (requests, answer) => runBatch(db, requests, answer),
  });
  let open = true;
  return {
    run<Input, Output>(command: Command<Input, Output>, input: Input): Promise<Output> {
      return queue.run(command, input);
    },
    healthy: () => open,
    async close() {
      if (!open) return;
      open = false;
      await queue.drain(new TriplaneError("SERVICE_UNAVAILABLE", "The store is closed"));
      db.close();
    },
  };
}
