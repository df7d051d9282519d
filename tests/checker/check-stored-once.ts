/** G-04, I-02: one client message id, one stored message, one answer. */
import type { FinalMessage } from "./final-store.ts";
import type { RecordedHistory, SendRecord } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkStoredOnce(recorded: RecordedHistory): Generator<Violation> {
  const bySend = new Map<string, FinalMessage>();
  const byMessageId = new Map<string, FinalMessage>();
  for (const message of recorded.store.messages) {
    const namesake = byMessageId.get(message.messageId);
    byMessageId.set(message.messageId, message);
    if (namesake !== undefined) {
      yield violation("message_id_reused", `${message.messageId} is stored twice`, namesake, message);
    }
    if (message.clientMessageId === null) continue;
    const key = sendKey(message.chatId, message.clientMessageId);
    const twin = bySend.get(key);
    bySend.set(key, message);
    if (twin === undefined) continue;
    yield violation(
      "stored_twice",
      `${message.clientMessageId} is stored as ${message.chatId}#${twin.sequence} and #${message.sequence}`,
      twin,
      message,
    );
  }
  for (const send of recorded.sends.values()) yield* sameAnswers(send);
}

function* sameAnswers(send: SendRecord): Generator<Violation> {
  const answers = send.exchanges.flatMap((exchange) => exchange.answers);
  const acks = answers.filter((answer) => answer.kind === "ack_received");
  const [first, ...others] = acks;
  if (first === undefined) return;
  for (const ack of others) {
    const same =
      ack.messageId === first.messageId &&
      ack.sequence === first.sequence &&
      ack.createdAt === first.createdAt;
    if (same) continue;
    yield violation(
      "answers_differ",
      `${send.clientMessageId} was answered with ${send.chatId}#${first.sequence} and #${ack.sequence}`,
      first,
      ack,
    );
  }
}
