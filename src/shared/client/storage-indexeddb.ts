import type { ClientStorage, StorageChange, StorageRange, StoredEntry } from "./storage.ts";

const storeName = "entries";

/** A browser's `indexedDB` and `IDBKeyRange`. */
export interface IndexedDb {
  readonly factory: IDBFactory;
  readonly keyRange: Pick<typeof IDBKeyRange, "bound">;
}

/** Storage in a browser's IndexedDB; see the port. The database is opened at the first use. */
export class IndexedDbStorage implements ClientStorage {
  readonly #indexedDb: IndexedDb;
  readonly #name: string;
  #opened: Promise<IDBDatabase> | undefined;

  /** @param name of the database: one per installation and origin */
  constructor(indexedDb: IndexedDb, name: string) {
    this.#indexedDb = indexedDb;
    this.#name = name;
  }

  async get(key: string): Promise<string | undefined> {
    const store = (await this.#database()).transaction(storeName, "readonly").objectStore(storeName);
    return (await settled(store.get(key))) as string | undefined;
  }

  async list(prefix: string, range: StorageRange): Promise<readonly StoredEntry[]> {
    const upper = range.before ?? `${prefix}\uffff`;
    if (range.limit <= 0 || upper <= prefix) return [];
    const store = (await this.#database()).transaction(storeName, "readonly").objectStore(storeName);
    const keys = this.#indexedDb.keyRange.bound(prefix, upper, false, true);
    const entries: StoredEntry[] = [];
    return new Promise((resolve, reject) => {
      const request = store.openCursor(keys, range.reverse ? "prev" : "next");
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (cursor === null || entries.length >= range.limit) {
          resolve(entries);
          return;
        }
        entries.push({ key: String(cursor.key), value: cursor.value as string });
        cursor.continue();
      };
    });
  }

  async write(changes: readonly StorageChange[]): Promise<void> {
    const database = await this.#database();
    // Strict: the promise of durability is given only after the data reached the disk.
    const transaction = database.transaction(storeName, "readwrite", { durability: "strict" });
    const store = transaction.objectStore(storeName);
    for (const { key, value } of changes) {
      if (value === undefined) store.delete(key);
      else store.put(value, key);
    }
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) (await opened).close();
  }

  #database(): Promise<IDBDatabase> {
    this.#opened ??= this.#open().catch((cause: unknown) => {
      // The next use tries again.
      this.#opened = undefined;
      throw cause;
    });
    return this.#opened;
  }

  async #open(): Promise<IDBDatabase> {
    const request = this.#indexedDb.factory.open(this.#name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName);
    return settled(request);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
