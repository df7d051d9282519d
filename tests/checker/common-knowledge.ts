/**
 * What the world knew when: the highest sequence of a chat that anybody had seen committed before a moment.
 * Only observations that the final store confirms count; the others are reported by their own checks.
 */
import type { HistoryEvent } from "./history.ts";
import type { StoredChat } from "./stored-chats.ts";

export interface Knowledge {
  readonly atMs: number;
  readonly sequence: number;
  /** The observation that proves it. */
  readonly event: HistoryEvent;
}

export class CommonKnowledge {
  /** Per chat, ascending in time and sequence. */
  readonly #known = new Map<string, Knowledge[]>();

  constructor(events: readonly HistoryEvent[], chats: ReadonlyMap<string, StoredChat>) {
    for (const event of events) {
      for (const seen of committedIn(event)) {
        if (chats.get(seen.chatId)?.bySequence.get(seen.sequence)?.messageId !== seen.messageId) continue;
        this.#learn(seen.chatId, { atMs: event.atMs, sequence: seen.sequence, event });
      }
    }
  }

  /** The newest knowledge from strictly before `atMs`. */
  before(chatId: string, atMs: number): Knowledge | undefined {
    const known = this.#known.get(chatId) ?? [];
    let low = 0;
    let high = known.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((known[middle]?.atMs ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    return known[low - 1];
  }

  #learn(chatId: string, knowledge: Knowledge): void {
    const known = this.#known.get(chatId) ?? [];
    if (knowledge.sequence <= (known.at(-1)?.sequence ?? 0)) return;
    known.push(knowledge);
    this.#known.set(chatId, known);
  }
}

interface Seen {
  readonly chatId: string;
  readonly messageId: string;
  readonly sequence: number;
}

function committedIn(event: HistoryEvent): readonly Seen[] {
  switch (event.kind) {
    case "ack_received":
      return [event];
    case "message_pushed":
      return [{ chatId: event.chatId, ...event.message }];
    case "page_received":
    case "history_read":
      return event.messages.map((message) => ({ chatId: event.chatId, ...message }));
    default:
      return [];
  }
}
