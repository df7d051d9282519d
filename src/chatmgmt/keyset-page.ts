/** Cuts pages out of a sorted list by key, so that a cursor stays valid while items come and go. */
import { decodeCursor, encodeCursor, malformedCursor } from "./cursor.ts";

/** Where an item stands: a number, then an id where numbers are equal. */
export interface KeysetKey {
  readonly major: number;
  readonly minor: string;
}

export interface KeysetPage<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
  readonly nextCursor: string | undefined;
  /** Undefined on the first page. */
  readonly prevCursor: string | undefined;
}

export interface KeysetRequest<Item> {
  /** Strictly ascending by `compare` of the keys. */
  readonly sorted: readonly Item[];
  readonly keyOf: (item: Item) => KeysetKey;
  readonly compare: (a: KeysetKey, b: KeysetKey) => number;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** @throws {TriplaneError} VALIDATION_ERROR when the cursor is malformed */
export function keysetPage<Item>(request: KeysetRequest<Item>): KeysetPage<Item> {
  const { sorted, keyOf, limit } = request;
  const start = startOf(request);
  const items = sorted.slice(start, start + limit);
  const last = items.at(-1);
  const first = items[0];
  const hasMore = start + limit < sorted.length;
  return {
    items,
    hasMore,
    nextCursor: hasMore && last !== undefined ? keysetCursor(keyOf(last), "next") : undefined,
    prevCursor: start > 0 && first !== undefined ? keysetCursor(keyOf(first), "prev") : undefined,
  };
}

export function ascending(a: KeysetKey, b: KeysetKey): number {
  return a.major - b.major || (a.minor < b.minor ? -1 : Number(a.minor > b.minor));
}

export function descending(a: KeysetKey, b: KeysetKey): number {
  return ascending(b, a);
}

function startOf<Item>({ sorted, keyOf, compare, limit, cursor }: KeysetRequest<Item>): number {
  if (cursor === undefined) return 0;
  const { pk, sk, v, to } = decodeCursor(cursor);
  if (v !== 1 || typeof pk !== "number" || typeof sk !== "string") throw malformedCursor();
  const key = { major: pk, minor: sk };
  if (to === "prev") {
    const end = sorted.findIndex((item) => compare(keyOf(item), key) >= 0);
    return Math.max(0, (end < 0 ? sorted.length : end) - limit);
  }
  const start = sorted.findIndex((item) => compare(keyOf(item), key) > 0);
  return start < 0 ? sorted.length : start;
}

function keysetCursor(key: KeysetKey, to: "next" | "prev"): string {
  return encodeCursor({ pk: key.major, sk: key.minor, v: 1, ...(to === "prev" ? { to } : {}) });
}
