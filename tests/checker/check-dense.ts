/** G-02, G-10, I-27, I-34, I-47: sequences of a chat are 1, 2, 3 … without holes or repeats. */
import type { RecordedHistory } from "./recorded-history.ts";
import type { StoredChat } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkDense(recorded: RecordedHistory): Generator<Violation> {
  for (const chat of recorded.chats.values()) yield* denseChat(chat);
}

function* denseChat(chat: StoredChat): Generator<Violation> {
  let previous = 0;
  for (const message of chat.messages) {
    const { sequence } = message;
    const place = `${chat.chatId}#${sequence}`;
    if (!Number.isSafeInteger(sequence) || sequence < 1) {
      yield violation("sequence_invalid", `${place} is not an integer from 1 to 2^53-1`, message);
      continue;
    }
    if (sequence === previous) {
      const other = chat.messages.find((twin) => twin.sequence === sequence && twin !== message);
      yield violation("sequence_repeated", `${place} is stored more than once`, other ?? null, message);
    } else if (sequence > previous + 1) {
      yield violation(
        "sequence_hole",
        `${chat.chatId} has #${previous} and #${sequence} and nothing between`,
        message,
      );
    }
    previous = sequence;
  }
}
