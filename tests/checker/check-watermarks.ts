/** G-11, I-04, I-24: stored watermarks never fall, stay within the chat, and come from a device of their user. */
import type { HistoryEvent, WatermarkRead } from "./history.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkWatermarks(recorded: RecordedHistory): Generator<Violation> {
  const reads = recorded.events.filter((event) => event.kind === "watermark_read");
  const acked = highestAcked(recorded);
  for (const [pair, ofPair] of Map.groupBy(reads, pairOf)) {
    yield* monotonic(ofPair);
    const last = ofPair.toSorted((a, b) => a.lastAckedSequence - b.lastAckedSequence).at(-1);
    const final = recorded.store.watermarks.find((watermark) => pairOf(watermark) === pair);
    if (last !== undefined && last.lastAckedSequence > (final?.lastAckedSequence ?? 0)) {
      yield violation(
        "watermark_fell",
        `${pair} was read as ${last.lastAckedSequence} and ends as ${final?.lastAckedSequence ?? 0}`,
        last,
        final ?? null,
      );
    }
  }
  for (const watermark of recorded.store.watermarks) {
    const { chatId, lastAckedSequence } = watermark;
    const counter = recorded.chats.get(chatId)?.counter?.sequence ?? 0;
    if (lastAckedSequence > counter) {
      yield violation(
        "watermark_above_counter",
        `${pairOf(watermark)} is ${lastAckedSequence}, the chat's counter ${counter}`,
        watermark,
      );
      continue;
    }
    const highest = Math.max(acked.get(pairOf(watermark)) ?? 0, recorded.baselines.get(chatId) ?? 0);
    if (lastAckedSequence <= highest) continue;
    yield violation(
      "watermark_invented",
      `${pairOf(watermark)} is ${lastAckedSequence}, its devices acknowledged ${highest} at most`,
      watermark,
    );
  }
}

/** A read that starts after another one ended sees no less. */
function* monotonic(reads: readonly WatermarkRead[]): Generator<Violation> {
  const byEnd = reads.toSorted((a, b) => a.atMs - b.atMs);
  let ended = 0;
  let highest: WatermarkRead | undefined;
  for (const read of reads.toSorted((a, b) => a.startedAtMs - b.startedAtMs)) {
    for (let next = byEnd[ended]; next !== undefined && next.atMs < read.startedAtMs; next = byEnd[ended]) {
      if (next.lastAckedSequence > (highest?.lastAckedSequence ?? 0)) highest = next;
      ended += 1;
    }
    if (highest === undefined || read.lastAckedSequence >= highest.lastAckedSequence) continue;
    yield violation(
      "watermark_fell",
      `${pairOf(read)} was ${highest.lastAckedSequence}, later ${read.lastAckedSequence}`,
      highest,
      read,
    );
  }
}

function highestAcked(recorded: RecordedHistory): ReadonlyMap<string, number> {
  const acked = new Map<string, number>();
  for (const event of recorded.events) {
    const ack = ackedIn(event, recorded);
    if (ack === undefined) continue;
    const pair = pairOf(ack);
    acked.set(pair, Math.max(acked.get(pair) ?? 0, ack.sequence));
  }
  return acked;
}

/** The cursors that a client starts with may have been acknowledged before the recording. */
function ackedIn(
  event: HistoryEvent,
  recorded: RecordedHistory,
): { userId: string; chatId: string; sequence: number } | undefined {
  if (event.kind !== "watermark_sent") return undefined;
  const userId = recorded.clients.get(event.client)?.userId;
  return userId === undefined ? undefined : { userId, chatId: event.chatId, sequence: event.sequence };
}

function pairOf(of: { userId: string; chatId: string }): string {
  return `${of.userId} ${of.chatId}`;
}
