import type { ClientStorage, StorageChange, StorageRange, StoredEntry } from "./storage.ts";

/** A storage whose writes a test holds back or lets fail. */
export class GatedStorage implements ClientStorage {
  readonly #inner: ClientStorage;
  #gate: PromiseWithResolvers<void> | undefined;
  #failures = 0;

  constructor(inner: ClientStorage) {
    this.#inner = inner;
  }

  /** Writes from now on stay unanswered until `release`. */
  hold(): void {
    this.#gate ??= Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** So many writes from now on are refused. */
  failNext(writes: number): void {
    this.#failures = writes;
  }

  async write(changes: readonly StorageChange[]): Promise<void> {
    await this.#gate?.promise;
    if (this.#failures > 0) {
      this.#failures--;
      throw new Error("no space left");
    }
    await this.#inner.write(changes);
  }

  get(key: string): Promise<string | undefined> {
    return this.#inner.get(key);
  }

  list(prefix: string, range: StorageRange): Promise<readonly StoredEntry[]> {
    return this.#inner.list(prefix, range);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
