/** The order of pushes on one connection: first deliveries of a chat ascend, and one's own sends are not echoed. */
import type { CheckOptions } from "./check-options.ts";
import { type RecordedHistory, requestKey } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkPushOrder(recorded: RecordedHistory, options: CheckOptions): Generator<Violation> {
  const lanes = new Map<string, { seen: Set<number>; highest: number }>();
  for (const event of recorded.events) {
    if (event.kind !== "message_pushed") continue;
    const { sequence } = event.message;
    const key = `${event.connectionId} ${event.chatId}`;
    const lane = lanes.get(key) ?? { seen: new Set(), highest: 0 };
    lanes.set(key, lane);
    if (lane.seen.has(sequence)) continue;
    lane.seen.add(sequence);
    if (sequence < lane.highest && !options.pushOrderExcused(event)) {
      yield violation(
        "push_order",
        `${event.chatId}#${sequence} came after #${lane.highest} on ${event.connectionId}`,
        event,
      );
    }
    lane.highest = Math.max(lane.highest, sequence);
  }
  if (!options.echoesAllowed) yield* echoes(recorded);
}

/** A message that was sent on several connections may have been stored by any of them. */
function* echoes(recorded: RecordedHistory): Generator<Violation> {
  const own = new Map<string, unknown>();
  for (const { exchanges } of recorded.sends.values()) {
    const origins = new Set(exchanges.map((exchange) => exchange.request.connectionId));
    if (origins.size > 1) continue;
    for (const { request, answers } of exchanges) {
      for (const answer of answers) {
        if (answer.kind === "ack_received")
          own.set(requestKey(request.connectionId, answer.messageId), answer);
      }
    }
  }
  for (const event of recorded.events) {
    if (event.kind !== "message_pushed") continue;
    const ack = own.get(requestKey(event.connectionId, event.message.messageId));
    if (ack === undefined) continue;
    yield violation("push_echoed", `${event.chatId}#${event.message.sequence}`, ack, event);
  }
}
