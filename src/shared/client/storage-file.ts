import { type FileHandle, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { ClientStorage, StorageChange, StorageRange, StoredEntry } from "./storage.ts";
import { applyChanges, listRange } from "./storage-memory.ts";

/** The log is rewritten when it holds this many batches more than twice what is alive. */
const compactAfterBatches = 1000;

/**
 * Storage in one file, for programs that are no browsers; see the port. One JSON batch a line, each synced to
 * the disk before `write` resolves. A last line that a crash cut short was never promised and is left out.
 * One process at a time may have it open.
 */
export class FileStorage implements ClientStorage {
  readonly #path: string;
  readonly #values: Map<string, string>;
  #file: FileHandle;
  #batches: number;
  /** The end of everything asked for so far: writes go one after another. */
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, values: Map<string, string>, file: FileHandle, batches: number) {
    this.#path = path;
    this.#values = values;
    this.#file = file;
    this.#batches = batches;
  }

  /** @throws {SyntaxError} a line other than the last is damaged */
  static async open(path: string): Promise<FileStorage> {
    const values = new Map<string, string>();
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const complete = text.slice(0, text.lastIndexOf("\n") + 1);
    let batches = 0;
    for (const line of complete.split("\n")) {
      if (line === "") continue;
      applyChanges(values, (JSON.parse(line) as [string, string | null][]).map(toChange));
      batches++;
    }
    const file = await open(path, "a", 0o600);
    // A half line would swallow the next batch.
    if (complete.length < text.length) await file.truncate(Buffer.byteLength(complete));
    return new FileStorage(path, values, file, batches);
  }

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key);
  }

  async list(prefix: string, range: StorageRange): Promise<readonly StoredEntry[]> {
    return listRange(this.#values, prefix, range);
  }

  write(changes: readonly StorageChange[]): Promise<void> {
    const written = this.#tail.then(() => this.#append(changes));
    this.#tail = written.catch(() => undefined);
    return written;
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  async #append(changes: readonly StorageChange[]): Promise<void> {
    if (changes.length === 0) return;
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(toLine(changes));
      await this.#file.datasync();
    } catch (error) {
      // What was refused must not come back at the next start, half or whole.
      await this.#file.truncate(size).catch(() => undefined);
      throw error;
    }
    applyChanges(this.#values, changes);
    this.#batches++;
    if (this.#batches > compactAfterBatches + 2 * this.#values.size) await this.#compact();
  }

  /** Writes what is alive to a new file that takes the old one's place in one step. */
  async #compact(): Promise<void> {
    const path = `${this.#path}.new`;
    const fresh = await open(path, "w", 0o600);
    for (const [key, value] of this.#values) await fresh.appendFile(toLine([{ key, value }]));
    await fresh.datasync();
    await fresh.close();
    await rename(path, this.#path);
    await syncDirectory(dirname(this.#path));
    await this.#file.close();
    this.#file = await open(this.#path, "a", 0o600);
    this.#batches = this.#values.size;
  }
}

/** Without it the new name may be lost with the power (fsync(2)). */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function toLine(changes: readonly StorageChange[]): string {
  return `${JSON.stringify(changes.map(({ key, value }) => [key, value ?? null]))}\n`;
}

function toChange([key, value]: [string, string | null]): StorageChange {
  return { key, value: value ?? undefined };
}
