/** I-32: keys and messages name each other. Judged only where the final store has keys. */
import type { RecordedHistory } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkIdempotencyKeys(recorded: RecordedHistory): Generator<Violation> {
  const keys = recorded.store.idempotencyKeys;
  if (keys === null) return;
  const bySend = new Map(keys.map((key) => [sendKey(key.chatId, key.clientMessageId), key]));
  for (const message of recorded.store.messages) {
    if (message.clientMessageId === null) continue;
    if (message.sequence <= (recorded.baselines.get(message.chatId) ?? 0)) continue;
    if (bySend.has(sendKey(message.chatId, message.clientMessageId))) continue;
    yield violation("key_missing", `${message.chatId}#${message.sequence} has no key`, message);
  }
  for (const key of keys) {
    const message = recorded.chats.get(key.chatId)?.byMessageId.get(key.messageId);
    const agrees =
      message !== undefined &&
      message.sequence === key.sequence &&
      (message.clientMessageId === null ||
        message.clientMessageId.toLowerCase() === key.clientMessageId.toLowerCase());
    if (agrees) continue;
    yield violation(
      "key_disagrees",
      `the key ${key.clientMessageId} names ${key.messageId} at ${key.chatId}#${key.sequence}, ` +
        (message === undefined ? "which is not stored" : `stored at #${message.sequence}`),
      key,
      message ?? null,
    );
  }
}
