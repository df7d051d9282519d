/**
 * From a fresh connection to Ready, and the watch afterwards. A connection is registered before anything is read,
 * so whatever is committed after the read will be pushed; what was committed before it, the read shows.
 */
import type { Acker } from "./acker.ts";
import type { ChatBook } from "./chat-book.ts";
import type { Inbox } from "./inbox.ts";
import type { Clock, Random, Timer } from "./ports.ts";
import type { DeliveryState } from "./rest-types.ts";
import type { Syncer } from "./syncer.ts";

export interface CatchUpParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly book: ChatBook;
  readonly syncer: Syncer;
  readonly acker: Acker;
  readonly inbox: Inbox;
  readonly discoverChats: boolean;
  readonly startFrom: "beginning" | "watermark";
  deliveryStates(signal: AbortSignal): Promise<readonly DeliveryState[]>;
  onCaughtUp(): void;
  onDiscoveryFailed(cause: unknown): void;
}

/** So few chats are synced without asking first which of them need it. */
const alwaysSyncedMax = 5;
/** The last push of a quiet chat leaves no hole when it is lost: only comparing shows it. */
const pollIntervalMs = 5 * 60_000;

export class CatchUp {
  readonly #parts: CatchUpParts;
  #connection = new AbortController();
  #phase: "down" | "discovering" | "syncing" | "caught_up" = "down";
  #poll: Timer | undefined;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  /** True from the connect to Ready. */
  get running(): boolean {
    return this.#phase === "discovering" || this.#phase === "syncing";
  }

  start(): void {
    const { book, syncer, discoverChats } = this.#parts;
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    const known = book.activeIds;
    this.#phase = discoverChats ? "discovering" : "syncing";
    if (!discoverChats || known.length <= alwaysSyncedMax) for (const chatId of known) syncer.request(chatId);
    if (!discoverChats) {
      this.progress();
      return;
    }
    this.#parts.deliveryStates(signal).then(
      (states) => {
        if (!signal.aborted) this.#discovered(states);
      },
      (cause: unknown) => {
        if (signal.aborted) return;
        this.#parts.onDiscoveryFailed(cause);
        for (const chatId of book.activeIds) syncer.request(chatId);
        this.#phase = "syncing";
        this.progress();
      },
    );
  }

  /** Something has ended: is everything complete now? */
  progress(): void {
    if (this.#phase !== "syncing" || this.#parts.syncer.active > 0) return;
    this.#phase = "caught_up";
    this.#parts.onCaughtUp();
    this.#armPoll();
  }

  onDown(): void {
    this.#phase = "down";
    this.#connection.abort(new Error("the connection ended"));
    this.#poll?.cancel();
    this.#poll = undefined;
  }

  #discovered(states: readonly DeliveryState[]): void {
    const listed = new Set(states.map((state) => state.chat_id));
    // Where the list lacks a chat the server has the last word: it refuses the sync of a former member.
    for (const chatId of this.#parts.book.activeIds) {
      if (!listed.has(chatId)) this.#parts.syncer.request(chatId);
    }
    this.#reconcile(states);
    this.#phase = "syncing";
    this.#parts.inbox.releaseAll();
    this.progress();
  }

  /** Syncs what lags behind the server's counters; repeats acks that did not arrive. */
  #reconcile(states: readonly DeliveryState[]): void {
    const { book, syncer, acker, startFrom } = this.#parts;
    for (const state of states) {
      const start = startFrom === "beginning" ? 0 : state.last_acked_sequence;
      const chat = book.open(state.chat_id, start);
      chat.active = true;
      acker.serverHas(state.chat_id, state.last_acked_sequence);
      if (chat.timeline.cursor < state.current_sequence) syncer.request(state.chat_id);
    }
  }

  #armPoll(): void {
    if (!this.#parts.discoverChats) return;
    const delayMs = pollIntervalMs * (0.8 + 0.4 * this.#parts.random.float());
    const { signal } = this.#connection;
    this.#poll = this.#parts.clock.setTimer(delayMs, () => {
      this.#parts
        .deliveryStates(signal)
        .then(
          (states) => {
            if (signal.aborted) return;
            this.#reconcile(states);
            this.#parts.acker.flush();
          },
          (cause: unknown) => {
            if (!signal.aborted) this.#parts.onDiscoveryFailed(cause);
          },
        )
        .finally(() => {
          if (!signal.aborted) this.#armPoll();
        });
    });
  }
}
