/** I-26, I-29, I-30, I-31: at rest a chat's counter is its highest sequence and its number of messages. */
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkCounters(recorded: RecordedHistory): Generator<Violation> {
  for (const chat of recorded.chats.values()) {
    const { counter } = chat;
    const count = chat.messages.length;
    if (counter === undefined) {
      yield violation("counter_missing", `${chat.chatId} has ${count} messages and no counter`);
      continue;
    }
    if (counter.sequence !== chat.highest || counter.sequence !== count) {
      yield violation(
        "counter_wrong",
        `${chat.chatId}: counter ${counter.sequence}, highest ${chat.highest}, ${count} messages`,
        counter,
      );
    }
    const published = counter.publishedSequence ?? 0;
    if (published > counter.sequence) {
      yield violation(
        "published_ahead",
        `${chat.chatId}: published ${published}, counter ${counter.sequence}`,
        counter,
      );
    }
  }
}
