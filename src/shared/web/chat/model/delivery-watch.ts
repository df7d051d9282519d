/** Finds out when everybody else has received the own messages: by asking, ever more rarely. */
import type { Timer } from "../../../client/ports.ts";
import type { DeliveryStatus } from "../../../client/rest-types.ts";
import { withEntry } from "./app-state.ts";
import type { Conversation } from "./conversation.ts";
import type { ModelParts } from "./model-parts.ts";

/** Pauses between two questions about one chat; the last one is repeated. Acks come every 5 s at the latest. */
const pausesMs = [1000, 2000, 3000, 5000, 10_000, 20_000, 40_000, 60_000];

export class DeliveryWatch {
  readonly #parts: ModelParts;
  readonly #isVisible: () => boolean;
  #timer: Timer | undefined;
  #target = 0;
  #attempt = 0;

  constructor(parts: ModelParts, isVisible: () => boolean) {
    this.#parts = parts;
    this.#isVisible = isVisible;
  }

  /** Call when the chat was opened or something in it changed. Only the open chat is watched. */
  watch(chatId: string): void {
    if (this.#parts.store.state.openChatId !== chatId) return;
    const target = undelivered(this.#parts, chatId);
    if (target === undefined || (target === this.#target && this.#timer !== undefined)) return;
    this.#target = target;
    this.#attempt = 0;
    this.#schedule(chatId);
  }

  #schedule(chatId: string): void {
    this.#timer?.cancel();
    const pauseMs = pausesMs[Math.min(this.#attempt++, pausesMs.length - 1)] ?? 0;
    this.#timer = this.#parts.clock.setTimer(pauseMs, () => {
      this.#timer = undefined;
      void this.#ask(chatId);
    });
  }

  async #ask(chatId: string): Promise<void> {
    const { store, client } = this.#parts;
    if (store.state.openChatId !== chatId || undelivered(this.#parts, chatId) === undefined) return;
    if (this.#isVisible() && store.state.link === "connected") {
      try {
        const upTo = deliveredUpTo(await client.rest.deliveryStatus(chatId), store.state.me?.user_id);
        store.update((state) => {
          const conversation = state.conversations.get(chatId);
          if (conversation === undefined || conversation.deliveredUpTo >= upTo) return state;
          const changed: Conversation = { ...conversation, deliveredUpTo: upTo };
          return { ...state, conversations: withEntry(state.conversations, chatId, changed) };
        });
      } catch {
        // A mark that comes later does no harm.
      }
    }
    if (store.state.openChatId === chatId && undelivered(this.#parts, chatId) !== undefined) {
      this.#schedule(chatId);
    }
  }
}

/** The newest own message that is not known to be delivered. */
function undelivered({ store }: ModelParts, chatId: string): number | undefined {
  const conversation = store.state.conversations.get(chatId);
  const newest = conversation?.messages.findLast((message) => message.sender_id === store.state.me?.user_id);
  if (conversation === undefined || newest === undefined) return undefined;
  return newest.sequence > conversation.deliveredUpTo ? newest.sequence : undefined;
}

/** The lowest watermark of the others. Where not all of them are on the page, only the summary can tell. */
function deliveredUpTo(status: DeliveryStatus, userId: string | undefined): number {
  const { delivery_summary: summary, members, pagination } = status;
  if (summary.all_delivered) return summary.sequence;
  if (pagination.has_more) return 0;
  const others = members.filter((member) => member.user_id !== userId);
  if (others.length === 0) return 0;
  return Math.min(...others.map((member) => member.last_acked_sequence));
}
