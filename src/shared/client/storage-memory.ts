import type { ClientStorage, StorageChange, StorageRange, StoredEntry } from "./storage.ts";

/**
 * Storage for as long as this object lives; see the port. Handing the same object to a next client is what a
 * restart of an installation looks like to a test.
 */
export class MemoryStorage implements ClientStorage {
  readonly #values = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    return this.#values.get(key);
  }

  async list(prefix: string, range: StorageRange): Promise<readonly StoredEntry[]> {
    return listRange(this.#values, prefix, range);
  }

  async write(changes: readonly StorageChange[]): Promise<void> {
    applyChanges(this.#values, changes);
  }

  async close(): Promise<void> {}
}

export function applyChanges(values: Map<string, string>, changes: readonly StorageChange[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
}

export function listRange(
  values: ReadonlyMap<string, string>,
  prefix: string,
  range: StorageRange,
): readonly StoredEntry[] {
  const entries: StoredEntry[] = [];
  for (const [key, value] of values) {
    if (key.startsWith(prefix) && (range.before === undefined || key < range.before)) {
      entries.push({ key, value });
    }
  }
  entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  if (range.reverse) entries.reverse();
  return entries.slice(0, range.limit);
}
