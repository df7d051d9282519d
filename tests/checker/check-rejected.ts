/** G-13, I-44: a send that was only ever refused for good left nothing in the store. */
import type { Exchange, RecordedHistory } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

/** Refusals that come before anything is numbered. Others, such as SERVICE_UNAVAILABLE, may hide a commit. */
const definiteRefusals = new Set([
  "INVALID_MESSAGE",
  "INVALID_CONTENT",
  "INVALID_CONTENT_TYPE",
  "INVALID_ENCODING",
  "MESSAGE_TOO_LARGE",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_A_MEMBER",
  "NOT_FOUND",
  "RATE_LIMITED",
]);

export function* checkRejected(recorded: RecordedHistory): Generator<Violation> {
  for (const message of recorded.store.messages) {
    if (message.clientMessageId === null) continue;
    const send = recorded.sends.get(sendKey(message.chatId, message.clientMessageId));
    if (send === undefined || !send.exchanges.every(refusedForGood)) continue;
    yield violation(
      "rejected_stored",
      `${message.clientMessageId} was only ever refused and is stored as ${message.chatId}#${message.sequence}`,
      message,
      ...send.exchanges,
    );
  }
}

function refusedForGood({ answers }: Exchange): boolean {
  return (
    answers.length > 0 &&
    answers.every((answer) => answer.kind === "error_received" && definiteRefusals.has(answer.code))
  );
}
