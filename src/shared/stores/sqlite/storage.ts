/**
 * Port between the SQLite stores and the database. Commands issued in one event-loop turn share a batch; while
 * a batch runs, later ones collect for the next: a natural group commit, one fsync per batch.
 */
import type { Command } from "./command.ts";

export interface Storage {
  /**
   * Resolves once the command's effect is durable (a read: once everything it saw is). Commands run in the
   * order of issue.
   * @throws {TriplaneError} the command's refusal; SERVICE_UNAVAILABLE when the batch could not be committed
   * (nothing of this command is stored), when too many commands wait, or when the storage is closed
   */
  run<Input, Output>(command: Command<Input, Output>, input: Input): Promise<Output>;
  /** False once the storage thread died or the storage was closed. */
  healthy(): boolean;
  /** Runs what waits, then closes the database. */
  close(): Promise<void>;
}
