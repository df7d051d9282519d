/** Backup of a live database and restore into a stopped data directory. */
import { Database } from "bun:sqlite";
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { openDataDirectory } from "./data-directory.ts";
import { checkOurs, versionOf } from "./open-database.ts";
import { schemaVersion } from "./schema.ts";

const busyTimeoutMs = 10_000;

/**
 * Writes a consistent copy of a database that may be in use, complete and synced before it gets its name.
 * @throws {Error} one line: the file exists, the database is missing, unreadable or not ours, no room
 */
export function backupDatabase(databasePath: string, file: string): void {
  const target = resolve(file);
  if (existsSync(target)) throw new Error(`${target} exists: choose another name`);
  if (!existsSync(databasePath)) throw new Error(`there is no database at ${databasePath}`);
  const partial = `${target}.partial-${process.pid}`;
  rmSync(partial, { force: true });
  const db = new Database(databasePath, { readwrite: true, create: false });
  try {
    db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    checkOurs(db, databasePath);
    db.query("VACUUM INTO ?").run(partial);
    validateBackup(partial);
    syncPath(partial);
    // A link, unlike a rename, never replaces what another process put there meanwhile.
    linkSync(partial, target);
    syncPath(dirname(target));
  } finally {
    db.close();
    rmSync(partial, { force: true });
  }
}

export interface RestoreOutcome {
  readonly databasePath: string;
  /** Where the replaced database went; undefined where there was none. */
  readonly keptAs: string | undefined;
}

/**
 * Puts a backup in place of a data directory's database; the old one is kept beside it under the name
 * `….before-restore-<time>`. No server may run on the directory.
 * @throws {Error} one line: the backup is damaged, foreign or newer, or the directory is in use
 */
export function restoreDatabase(file: string, dir: string, nowMs: number): RestoreOutcome {
  const source = resolve(file);
  validateBackup(source);
  const directory = openDataDirectory(dir);
  const { databasePath } = directory;
  const partial = `${databasePath}.restoring`;
  try {
    rmSync(partial, { force: true });
    copyFileSync(source, partial);
    syncPath(partial);
    validateBackup(partial);
    const keptAs = existsSync(databasePath) ? keepOld(databasePath, nowMs) : undefined;
    renameSync(partial, databasePath);
    syncPath(directory.path);
    return { databasePath, keptAs };
  } finally {
    rmSync(partial, { force: true });
    directory.close();
  }
}

/** @throws {Error} one line: no such file, not ours, damaged, or newer than this program */
export function validateBackup(file: string): void {
  if (!existsSync(file)) throw new Error(`there is no backup at ${file}`);
  const db = new Database(file, { readonly: true });
  try {
    checkOurs(db, file);
    const version = versionOf(db);
    if (version < 1) throw new Error(`${file} is empty: it is no backup`);
    if (version > schemaVersion) {
      throw new Error(`${file} has schema version ${version}, this program knows up to ${schemaVersion}`);
    }
    const check = db.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get();
    if (check?.integrity_check !== "ok") {
      throw new Error(`${file} is damaged (${check?.integrity_check}): use another backup`);
    }
  } finally {
    db.close();
  }
}

/**
 * Gives the old database a second name; the next rename takes its first one away in one step. A log file beside
 * it would be replayed over the restored database, so it is folded in first, or moved along.
 */
function keepOld(databasePath: string, nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(":", "-");
  const keptAs = `${databasePath}.before-restore-${time}`;
  foldInLog(databasePath);
  for (const suffix of ["-wal", "-shm"]) {
    if (existsSync(databasePath + suffix)) renameSync(databasePath + suffix, keptAs + suffix);
  }
  linkSync(databasePath, keptAs);
  return keptAs;
}

function foldInLog(databasePath: string): void {
  const db = new Database(databasePath, { readwrite: true, create: false });
  try {
    // Leaving WAL needs the database for itself alone.
    db.run("PRAGMA journal_mode = DELETE");
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    if (code.startsWith("SQLITE_BUSY")) {
      throw new Error(`${databasePath} is open in another process: let it finish first`, { cause: thrown });
    }
    // Damaged: the very reason for a restore. Its files are kept as they are.
  } finally {
    db.close();
  }
}

function syncPath(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
