/** G-05, G-06, I-07, I-33: whatever was acknowledged is stored, under the acknowledged message id. */
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkAckedStored(recorded: RecordedHistory): Generator<Violation> {
  for (const event of recorded.events) {
    if (event.kind !== "ack_received") continue;
    const chat = recorded.chats.get(event.chatId);
    if (chat?.byMessageId.has(event.messageId)) continue;
    yield violation(
      "acked_message_lost",
      `${event.messageId} was acknowledged as ${event.chatId}#${event.sequence} and is not stored; ` +
        `the chat's highest is ${chat?.highest ?? 0}`,
      event,
      chat?.bySequence.get(event.sequence) ?? null,
    );
  }
}
