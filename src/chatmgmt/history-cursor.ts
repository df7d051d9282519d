/**
 * Cursors of a chat's history: the sequence where the next page starts (inclusive), the direction, and the bound of
 * the first request that lies ahead, so that the pages of an open interval do not run out of it.
 */
import { limits } from "../shared/domain/limits.ts";
import type { StoredMessage } from "../shared/stores/message-store.ts";
import { decodeCursor, encodeCursor, malformedCursor } from "./cursor.ts";

export interface HistoryWindow {
  readonly direction: "forward" | "backward";
  /** Exclusive bounds. */
  readonly after: number;
  readonly before: number | undefined;
}

/** @throws {TriplaneError} VALIDATION_ERROR */
export function parseHistoryCursor(cursor: string): HistoryWindow {
  const { seq, direction, end } = decodeCursor(cursor);
  if (!isSequence(seq) || (end !== undefined && !isSequence(end))) throw malformedCursor();
  if (direction === undefined) return { direction: "backward", after: end ?? 0, before: seq + 1 };
  if (direction !== "forward") throw malformedCursor();
  return { direction: "forward", after: Math.max(0, seq - 1), before: end };
}

/** The page after this one in the window's direction. @param page not empty, in the direction of the read */
export function nextHistoryCursor(window: HistoryWindow, page: readonly StoredMessage[]): string {
  const last = page.at(-1)?.sequence ?? 0;
  return window.direction === "backward"
    ? historyCursor({ ...window, before: last })
    : historyCursor({ ...window, after: last });
}

/** The page before this one, read the other way. */
export function previousHistoryCursor(window: HistoryWindow, page: readonly StoredMessage[]): string {
  const first = page[0]?.sequence ?? 0;
  return window.direction === "backward"
    ? historyCursor({ direction: "forward", after: first, before: undefined })
    : historyCursor({ direction: "backward", after: 0, before: first });
}

function historyCursor({ direction, after, before }: HistoryWindow): string {
  if (direction === "backward") {
    return encodeCursor({ seq: (before ?? 0) - 1, ...(after > 0 ? { end: after } : {}) });
  }
  return encodeCursor({ seq: after + 1, direction, ...(before === undefined ? {} : { end: before }) });
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < limits.sequenceMax;
}
