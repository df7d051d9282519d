/** G-01, REST-08: whoever sees sequence n of a chat sees the same message, the stored one, in every field. */
import type { FinalMessage } from "./final-store.ts";
import type { HistoryEvent, ObservedMessage } from "./history.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkAgreement(recorded: RecordedHistory): Generator<Violation> {
  for (const event of recorded.events) {
    if (event.kind === "ack_received") {
      // One that is not stored at all is the business of check-acked-stored.ts.
      const stored = recorded.chats.get(event.chatId)?.byMessageId.get(event.messageId);
      if (stored === undefined) continue;
      yield* compare(event, event.chatId, event, stored, ["sequence", "createdAt"]);
      continue;
    }
    for (const { chatId, message } of observedIn(event)) {
      const stored = recorded.chats.get(chatId)?.bySequence.get(message.sequence);
      if (stored === undefined) {
        yield violation("observed_not_stored", `${event.kind}: ${chatId}#${message.sequence}`, event);
        continue;
      }
      yield* compare(event, chatId, message, stored, ["messageId", "senderId", "content", "createdAt"]);
    }
  }
}

interface Sighting {
  readonly chatId: string;
  readonly message: ObservedMessage;
}

function observedIn(event: HistoryEvent): readonly Sighting[] {
  switch (event.kind) {
    case "message_pushed":
    case "timeline_delivered":
      return [{ chatId: event.chatId, message: event.message }];
    case "page_received":
    case "history_read":
      return event.messages.map((message) => ({ chatId: event.chatId, message }));
    default:
      return [];
  }
}

type Field = keyof ObservedMessage;

function* compare<F extends Field>(
  event: HistoryEvent,
  chatId: string,
  observed: Pick<ObservedMessage, F>,
  stored: FinalMessage,
  fields: readonly F[],
): Generator<Violation> {
  for (const field of fields) {
    if (observed[field] === stored[field]) continue;
    yield violation(
      "observed_differs",
      `${event.kind}: ${chatId}#${stored.sequence} has ${field} ${JSON.stringify(observed[field])}, ` +
        `stored ${JSON.stringify(stored[field])}`,
      event,
      stored,
    );
    return;
  }
}
