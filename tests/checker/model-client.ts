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
  readonly deliversInOrder: boolean;
  /** undefined while offline. */
  connectionId: string | undefined;
  readonly pending = new Map<string, PendingSend>();
  readonly #holdings = new Map<string, ClientHoldings>();
  readonly #timelines = new Map<string, number[]>();

  constructor(name: string, userId: string, deliversInOrder: boolean) {
    this.name = name;
    this.userId = userId;
    this.deliversInOrder = deliversInOrder;
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

  /** @returns the sequences that now go to the application, ascending. */
  receive(chatId: string, { sequence }: ObservedMessage): readonly number[] {
    const holdings = this.holdings(chatId);
    if (holdings.holds(sequence)) return [];
    const before = holdings.contiguous;
    holdings.add(sequence);
    const advanced = Array.from({ length: holdings.contiguous - before }, (_, index) => before + 1 + index);
    const due = this.deliversInOrder ? advanced : [sequence];
    this.#timelines.set(
      chatId,
      [...this.timeline(chatId), ...due].sort((a, b) => a - b),
    );
    return due;
  }
}
