/** What a model client keeps of one chat. */
import { ClientHoldings } from "./client-holdings.ts";
import type { ObservedMessage } from "./history.ts";

export interface PendingSend {
  readonly chatId: string;
  readonly clientMessageId: string;
  readonly content: string;
  attempts: number;
}

export class ModelClient {
  readonly name: string;
  readonly userId: string;
  /** undefined while offline. */
  connectionId: string | undefined;
  readonly pending = new Map<string, PendingSend>();
  readonly #holdings = new Map<string, ClientHoldings>();
  readonly #timelines = new Map<string, number[]>();

  constructor(name: string, userId: string) {
    this.name = name;
    this.userId = userId;
  }

  holdings(chatId: string): ClientHoldings {
    const holdings = this.#holdings.get(chatId) ?? new ClientHoldings(0);
    this.#holdings.set(chatId, holdings);
    return holdings;
  }

  /** Sorted sequences that the application shows. */
  timeline(chatId: string): readonly number[] {
    return this.#timelines.get(chatId) ?? [];
  }

  /** @returns true when the message is new to the application. */
  receive(chatId: string, message: ObservedMessage): boolean {
    const isNew = !this.holdings(chatId).holds(message.sequence);
    this.holdings(chatId).add(message.sequence);
    if (isNew) {
      this.#timelines.set(
        chatId,
        [...this.timeline(chatId), message.sequence].sort((a, b) => a - b),
      );
    }
    return isNew;
  }
}
