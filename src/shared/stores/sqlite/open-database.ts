/** Opens the database file: checks that it is ours, sets durability, brings the schema up to date. */
import { Database } from "bun:sqlite";
import { applicationId, migrations } from "./schema.ts";

export interface OpenDatabaseOptions {
  /** How long a transaction waits for one of another process (a tool) before it fails as busy. */
  readonly busyTimeoutMs: number;
  readonly cacheKib: number;
}

/**
 * 64 MiB of log between checkpoints. A page that many batches touch (the index of client ids) is then copied
 * back once: measured a third more messages/s than with the default of 1000, longest pause 30 ms.
 */
const checkpointPages = 16_000;

export const defaultDatabaseOptions: OpenDatabaseOptions = { busyTimeoutMs: 5000, cacheKib: 64 * 1024 };

/**
 * @param path a file, or ":memory:"
 * @throws {Error} one line that names the file and the way out: not a database, not ours, or of a newer version
 */
export function openDatabase(path: string, options: OpenDatabaseOptions): Database {
  const db = new Database(path, { create: true, readwrite: true, strict: true });
  try {
    checkOurs(db, path);
    db.run(`PRAGMA busy_timeout = ${options.busyTimeoutMs}`);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    db.run(`PRAGMA cache_size = ${-options.cacheKib}`);
    db.run("PRAGMA temp_store = MEMORY");
    db.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    migrate(db, path, migrations);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** A second connection to a database that is open already: sees every commit once it is durable, changes nothing. */
export function openLookups(path: string, options: OpenDatabaseOptions): Database {
  const db = new Database(path, { readonly: true, strict: true });
  db.run(`PRAGMA busy_timeout = ${options.busyTimeoutMs}`);
  db.run(`PRAGMA cache_size = ${-options.cacheKib}`);
  return db;
}

/** Applies what is missing, each step with its version number in one transaction. */
export function migrate(db: Database, path: string, steps: readonly string[]): void {
  const version = versionOf(db);
  if (version > steps.length) {
    throw new Error(
      `${path} has schema version ${version}, this program knows up to ${steps.length}: start the newer program, or restore a backup made by this one`,
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      // Another process may have migrated between the look above and this lock.
      if (versionOf(db) > index) return;
      db.run(step);
      db.run(`PRAGMA application_id = ${applicationId}`);
      db.run(`PRAGMA user_version = ${index + 1}`);
    }).immediate();
  }
}

/** @throws {Error} the file is no database, or one of another program */
export function checkOurs(db: Database, path: string): void {
  let found: number;
  let tables: number;
  try {
    found = db.query<{ application_id: number }, []>("PRAGMA application_id").get()?.application_id ?? 0;
    tables = db.query<{ count: number }, []>("SELECT count(*) AS count FROM sqlite_schema").get()?.count ?? 0;
  } catch (thrown) {
    throw new Error(`${path} is not a readable SQLite database: move it away, or restore a backup over it`, {
      cause: thrown,
    });
  }
  if (found !== applicationId && (found !== 0 || tables > 0)) {
    throw new Error(`${path} is a SQLite database of another program: choose another data directory`);
  }
}

/** Schema version of the file; 0 = nothing in it yet. */
export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}
