/** A bounded map whose entries end by themselves: the shape of every in-memory store of short-lived facts. */

/** Entries looked at on each insertion, so that expired ones go without a timer. */
const sweepPerInsert = 2;
/** Entries looked at before a live one is evicted from a full map. */
const sweepWhenFull = 64;

interface Entry<V> {
  readonly value: V;
  readonly expiresAtMs: number;
}

/**
 * An entry is gone from the moment `nowMs >= expiresAtMs`. Time is given by the caller, any scale that never
 * goes backwards. Every insertion also looks at the next few entries of a sweep that goes round and round, and
 * removes the expired. A full map looks further, for expired entries first; when it finds none it drops the
 * entry that was set longest ago, live or not.
 */
export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #capacity: number;
  #cursor: MapIterator<[K, Entry<V>]> = this.#entries.entries();

  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new RangeError(`capacity ${capacity} must be a positive integer`);
    }
    this.#capacity = capacity;
  }

  /** Entries held, expired ones that were not yet removed included. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: K, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs < entry.expiresAtMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  expiresAtMs(key: K): number | undefined {
    return this.#entries.get(key)?.expiresAtMs;
  }

  /** Setting a key again makes it the youngest. */
  set(key: K, value: V, expiresAtMs: number, nowMs: number): void {
    if (!this.#entries.delete(key)) {
      this.#sweep(sweepPerInsert, nowMs);
      if (this.#entries.size >= this.#capacity) this.#makeRoom(nowMs);
    }
    this.#entries.set(key, { value, expiresAtMs });
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  #makeRoom(nowMs: number): void {
    this.#sweep(sweepWhenFull, nowMs);
    if (this.#entries.size < this.#capacity) return;
    for (const key of this.#entries.keys()) {
      this.#entries.delete(key);
      return;
    }
  }

  #sweep(steps: number, nowMs: number): void {
    for (let step = 0; step < steps; step += 1) {
      const next = this.#cursor.next();
      if (next.done) {
        this.#cursor = this.#entries.entries();
        return;
      }
      const [key, entry] = next.value;
      if (nowMs >= entry.expiresAtMs) this.#entries.delete(key);
    }
  }
}
