/** MR-01, MR-02: what an application shows stays sorted, loses nothing and gets each message once. */
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkTimelines(recorded: RecordedHistory): Generator<Violation> {
  /** Per client and chat: everything that was delivered or shown so far. */
  const timelines = new Map<string, Set<number>>();
  const delivered = new Set<string>();
  for (const event of recorded.events) {
    if (event.kind !== "timeline_delivered" && event.kind !== "timeline_shown") continue;
    const key = `${event.client} ${event.chatId}`;
    const timeline = timelines.get(key) ?? new Set();
    timelines.set(key, timeline);
    if (event.kind === "timeline_delivered") {
      const delivery = `${key} ${event.message.sequence}`;
      if (delivered.has(delivery)) yield violation("timeline_repeated", delivery, event);
      delivered.add(delivery);
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
