/**
 * The data directory of a server: made when missing, checked, and locked against a second server. Tools open
 * the database beside a running server and do not take the lock.
 */
import { Database } from "bun:sqlite";
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";

export const databaseFileName = "triplane.sqlite";
const lockFileName = "lock.sqlite";

export interface DataDirectory {
  /** Absolute. */
  readonly path: string;
  readonly databasePath: string;
  /** Gives the lock back; the end of the process, however violent, does so too. */
  close(): void;
}

/**
 * Opens a directory for one server: creates it (0700), proves that it can be written to, takes the lock.
 * @throws {Error} one line: not a directory, not writable, full, or in use by another server
 */
export function openDataDirectory(dir: string): DataDirectory {
  const path = resolve(dir);
  prepare(path);
  const lock = takeLock(path);
  held.add(lock);
  return {
    path,
    databasePath: join(path, databaseFileName),
    close() {
      held.delete(lock);
      lock.close();
    },
  };
}

/** A lock that nobody refers to would be collected as garbage, and so given back. */
const held = new Set<Database>();

function prepare(path: string): void {
  const probe = join(path, `.probe-${process.pid}`);
  try {
    if (mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(path, 0o700);
    const file = openSync(probe, "w", 0o600);
    try {
      writeSync(file, "probe");
      fsyncSync(file);
    } finally {
      closeSync(file);
      unlinkSync(probe);
    }
  } catch (thrown) {
    throw new Error(`data directory ${path} ${reasonOf(thrown)}`, { cause: thrown });
  }
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "UNKNOWN";
  switch (code) {
    case "EEXIST":
    case "ENOTDIR":
      return "is not a directory: choose another one, or move the file away";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `cannot be written to (${code}): give this user write access, or choose another one`;
    case "ENOSPC":
    case "EDQUOT":
      return `is on a full disk (${code}): make room, or choose another one`;
    default:
      return `cannot be used (${code})`;
  }
}

/**
 * The lock is an open exclusive transaction on a file of its own: the operating system gives it back with the
 * process. Nothing else may open that file in this process, since closing it would drop the lock.
 */
function takeLock(path: string): Database {
  const file = join(path, lockFileName);
  const lock = new Database(file, { create: true, readwrite: true });
  try {
    lock.run("PRAGMA busy_timeout = 0");
    lock.run("PRAGMA journal_mode = DELETE");
    lock.run("BEGIN EXCLUSIVE");
    return lock;
  } catch (thrown) {
    lock.close();
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    const reason = code.startsWith("SQLITE_BUSY")
      ? "is in use by another server: stop that one, or choose another directory"
      : `has an unusable lock file ${lockFileName} (${code || thrown}): delete it while no server runs`;
    throw new Error(`data directory ${path} ${reason}`, { cause: thrown });
  }
}
