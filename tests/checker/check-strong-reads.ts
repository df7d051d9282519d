/**
 * G-07, I-07, I-21: a read that starts after somebody saw a message committed contains it. As an
 * acknowledgement is such a sight, one that runs ahead of its commit is caught by any read in between.
 */
import type { Knowledge } from "./common-knowledge.ts";
import type { HistoryEvent } from "./history.ts";
import { type RecordedHistory, requestKey } from "./recorded-history.ts";
import { type Violation, type ViolationKind, violation } from "./violation.ts";

/** A read promises everything of its range; `reaches` is the highest sequence that it spoke about. */
interface StrongRead {
  readonly event: HistoryEvent;
  readonly userId: string | undefined;
  readonly chatId: string;
  readonly startedAtMs: number;
  readonly reaches: number;
  /** The highest sequence that it was asked for. */
  readonly ceiling: number;
}

export function* checkStrongReads(recorded: RecordedHistory): Generator<Violation> {
  for (const event of recorded.events) {
    const read = strongRead(recorded, event);
    if (read === undefined) continue;
    const known = recorded.knowledge.before(read.chatId, read.startedAtMs);
    if (known === undefined || Math.min(known.sequence, read.ceiling) <= read.reaches) continue;
    yield violation(
      kindOf(recorded, read, known),
      `${read.chatId}#${known.sequence} was seen ${(read.startedAtMs - known.atMs).toFixed(3)} ms before ` +
        `a read started that ends at #${read.reaches}`,
      known.event,
      read.event,
    );
  }
}

function strongRead(recorded: RecordedHistory, event: HistoryEvent): StrongRead | undefined {
  if (event.kind === "page_received") {
    if (event.hasMore || event.requestId === null) return undefined;
    const asked = recorded.exchanges.get(requestKey(event.connectionId, event.requestId))?.request;
    if (asked?.kind !== "sync_started" || asked.chatId !== event.chatId) return undefined;
    return {
      event,
      userId: recorded.clients.get(event.client)?.userId,
      chatId: event.chatId,
      startedAtMs: asked.atMs,
      reaches: Math.max(asked.cursor, ...event.messages.map((message) => message.sequence)),
      ceiling: Infinity,
    };
  }
  if (event.kind !== "history_read") return undefined;
  // A forward page with more to come promises nothing above itself.
  if (event.direction === "forward" && event.hasMore) return undefined;
  return {
    event,
    userId: event.userId,
    chatId: event.chatId,
    startedAtMs: event.startedAtMs,
    reaches: Math.max(event.after ?? 0, ...event.messages.map((message) => message.sequence)),
    ceiling: (event.before ?? Infinity) - 1,
  };
}

function kindOf(recorded: RecordedHistory, read: StrongRead, known: Knowledge): ViolationKind {
  if (known.event.kind !== "ack_received") return "read_went_backwards";
  const author = recorded.clients.get(known.event.client)?.userId;
  return author === read.userId ? "own_write_unread" : "ack_before_commit";
}
