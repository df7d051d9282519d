/** MR-01, MR-02: what an application shows stays sorted, loses nothing and gets each message once. */
import type { TimelineDelivered } from "./history.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkTimelines(recorded: RecordedHistory): Generator<Violation> {
  /** Per client and chat: everything that was delivered or shown so far. */
  const timelines = new Map<string, Set<number>>();
  const delivered = new Set<string>();
  const newest = new Map<string, number>();
  for (const event of recorded.events) {
    if (event.kind !== "timeline_delivered" && event.kind !== "timeline_shown") continue;
    const key = `${event.client} ${event.chatId}`;
    const timeline = timelines.get(key) ?? new Set();
    timelines.set(key, timeline);
    if (event.kind === "timeline_delivered") {
      const delivery = `${key} ${event.message.sequence}`;
      if (delivered.has(delivery)) yield violation("timeline_repeated", delivery, event);
      else if (recorded.clients.get(event.client)?.deliversInOrder && !follows(newest.get(key), event)) {
        yield violation("timeline_backwards", `${delivery} after #${newest.get(key)}`, event);
      }
      delivered.add(delivery);
      newest.set(key, event.message.sequence);
      timeline.add(event.message.sequence);
      continue;
    }
    const { sequences } = event;
    if (sequences.some((sequence, at) => at > 0 && sequence <= (sequences[at - 1] ?? 0))) {
      yield violation("timeline_unsorted", `${key}: ${sequences.join(", ")}`, event);
    }
    const shown = new Set(sequences);
    const lost = [...timeline].filter((sequence) => !shown.has(sequence));
    if (lost.length > 0) yield violation("timeline_lost", `${key} lost ${lost.join(", ")}`, event);
    timelines.set(key, shown);
  }
}

function follows(before: number | undefined, { message }: TimelineDelivered): boolean {
  return before === undefined || message.sequence > before;
}
