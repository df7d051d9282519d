/** What a client holds of one chat: a cursor up to which it has everything, and single messages above it. */
import type { HistoryEvent } from "./history.ts";

export class ClientHoldings {
  #contiguous: number;
  readonly #above = new Set<number>();

  constructor(cursor: number) {
    this.#contiguous = cursor;
  }

  /** Everything up to here is held. */
  get contiguous(): number {
    return this.#contiguous;
  }

  add(sequence: number): void {
    if (sequence > this.#contiguous) this.#above.add(sequence);
    while (this.#above.delete(this.#contiguous + 1)) this.#contiguous += 1;
  }

  holds(sequence: number): boolean {
    return sequence <= this.#contiguous || this.#above.has(sequence);
  }
}

/** Sequences that the event puts into a client's hands; undefined for events of other kinds. */
export function receivedIn(
  event: HistoryEvent,
): { client: string; chatId: string; sequences: readonly number[] } | undefined {
  switch (event.kind) {
    case "ack_received":
      return { client: event.client, chatId: event.chatId, sequences: [event.sequence] };
    case "message_pushed":
      return { client: event.client, chatId: event.chatId, sequences: [event.message.sequence] };
    case "page_received":
      return {
        client: event.client,
        chatId: event.chatId,
        sequences: event.messages.map((message) => message.sequence),
      };
    default:
      return undefined;
  }
}
