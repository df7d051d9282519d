/** G-09, I-47, sync_returns_ordered: a page is ordered, without holes, inside what was asked, and says truly what follows. */
import type { HistoryRead, PageReceived, SyncStarted } from "./history.ts";
import { type RecordedHistory, requestKey } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

const pageMax = 500;

export function* checkPages(recorded: RecordedHistory): Generator<Violation> {
  for (const event of recorded.events) {
    if (event.kind === "history_read") yield* historyPage(event);
    if (event.kind !== "page_received" || event.requestId === null) continue;
    const asked = recorded.exchanges.get(requestKey(event.connectionId, event.requestId))?.request;
    if (asked?.kind === "sync_started") yield* syncPage(asked, event);
  }
}

function* syncPage(asked: SyncStarted, page: PageReceived): Generator<Violation> {
  const sequences = page.messages.map((message) => message.sequence);
  const where = `page of ${page.chatId} above ${asked.cursor}`;
  yield* monotonic(where, sequences, 1, page);
  if (sequences.some((sequence) => sequence <= asked.cursor)) {
    yield violation("page_outside_range", `${where} holds ${Math.min(...sequences)}`, asked, page);
  } else if (sequences.length > 0 && Math.min(...sequences) !== asked.cursor + 1) {
    yield violation("page_hole", `${where} starts at ${Math.min(...sequences)}`, asked, page);
  }
  const limit = Math.min(asked.limit ?? pageMax, pageMax);
  if (sequences.length > limit) {
    yield violation(
      "page_too_long",
      `${where} has ${sequences.length} messages, limit ${limit}`,
      asked,
      page,
    );
  }
  const last = sequences.at(-1);
  const due = page.hasMore ? (last === undefined ? undefined : last + 1) : null;
  if (page.nextSequence === due) return;
  yield violation(
    "page_next_wrong",
    `${where} ends at ${last ?? "nothing"}, has_more ${page.hasMore}, next_sequence ${page.nextSequence}`,
    asked,
    page,
  );
}

function* historyPage(read: HistoryRead): Generator<Violation> {
  const sequences = read.messages.map((message) => message.sequence);
  const where = `${read.direction} history of ${read.chatId} after ${read.after} before ${read.before}`;
  const step = read.direction === "forward" ? 1 : -1;
  yield* monotonic(where, sequences, step, read);
  const outside = sequences.find(
    (sequence) => sequence <= (read.after ?? 0) || sequence >= (read.before ?? Infinity),
  );
  if (outside !== undefined) yield violation("page_outside_range", `${where} holds ${outside}`, read);
}

/** One violation at most: a page in the wrong order is not also reported for its holes. */
function* monotonic(
  where: string,
  sequences: readonly number[],
  step: 1 | -1,
  page: PageReceived | HistoryRead,
): Generator<Violation> {
  const steps = sequences.slice(1).map((sequence, at) => (sequence - (sequences[at] ?? 0)) * step);
  if (steps.some((distance) => distance < 1)) {
    yield violation("page_unordered", `${where} is ${sequences.join(", ")}`, page);
  } else if (steps.some((distance) => distance > 1)) {
    yield violation("page_hole", `${where} is ${sequences.join(", ")}`, page);
  }
}
