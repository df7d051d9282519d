/** The final store, arranged for looking things up. */
import type { FinalCounter, FinalMessage, FinalStore } from "./final-store.ts";

export interface StoredChat {
  readonly chatId: string;
  /** Ascending by sequence. */
  readonly messages: readonly FinalMessage[];
  readonly bySequence: ReadonlyMap<number, FinalMessage>;
  readonly byMessageId: ReadonlyMap<string, FinalMessage>;
  readonly counter: FinalCounter | undefined;
  /** Highest stored sequence, 0 for an empty chat. */
  readonly highest: number;
}

/** Client message ids are compared in lower case, within their chat. */
export function sendKey(chatId: string, clientMessageId: string): string {
  return `${chatId} ${clientMessageId.toLowerCase()}`;
}

/** Every chat that has a counter or a message. */
export function arrangeChats(store: FinalStore): ReadonlyMap<string, StoredChat> {
  const messages = Map.groupBy(store.messages, (message) => message.chatId);
  const counters = new Map(store.counters.map((counter) => [counter.chatId, counter]));
  const chats = new Map<string, StoredChat>();
  for (const chatId of new Set([...messages.keys(), ...counters.keys()])) {
    const sorted = (messages.get(chatId) ?? []).toSorted((a, b) => a.sequence - b.sequence);
    chats.set(chatId, {
      chatId,
      messages: sorted,
      bySequence: new Map(sorted.map((message) => [message.sequence, message])),
      byMessageId: new Map(sorted.map((message) => [message.messageId, message])),
      counter: counters.get(chatId),
      highest: sorted.at(-1)?.sequence ?? 0,
    });
  }
  return chats;
}
