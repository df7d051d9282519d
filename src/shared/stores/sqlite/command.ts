/**
 * A store command: a named synchronous function over the open database. Stores send commands to the storage,
 * which runs them in batches, on its own thread or inline.
 */
import type { Database } from "bun:sqlite";

export interface Command<Input, Output> {
  /** Unique over all areas: `area.verb`. It names the command between threads. */
  readonly name: string;
  /**
   * A write runs in the batch's transaction, inside a savepoint of its own; a read must not change anything. A
   * lookup is a read of a few rows by their key: it sees everything that was answered before it was issued, but
   * need not wait for the batch under way.
   */
  readonly kind: "read" | "write" | "lookup";
  /**
   * Input and output are structured-cloneable. Must not begin, commit or roll back.
   * @throws {TriplaneError} a refusal; it undoes this command alone and crosses back with code, message and details
   */
  run(db: Database, input: Input): Output;
}

/** A command of any shape, as the registry holds it. */
export type AnyCommand = Command<never, unknown>;

export function defineCommand<Input, Output>(command: Command<Input, Output>): Command<Input, Output> {
  return command;
}

/**
 * Keeps one value per open database, made on first use: prepared statements (one hash of SQL text saved per
 * call) and caches of immutable rows.
 */
export function perDatabase<Value>(create: (db: Database) => Value): (db: Database) => Value {
  const values = new WeakMap<Database, Value>();
  return (db) => {
    const known = values.get(db);
    if (known !== undefined) return known;
    const made = create(db);
    values.set(db, made);
    return made;
  };
}
