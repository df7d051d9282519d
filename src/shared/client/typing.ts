import type { TypingFrame, TypingIndicatorFrame } from "../protocol/frames.ts";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import type { ClientEvents } from "./events.ts";
import type { Clock, Timer } from "./ports.ts";

export interface TypingHooks {
  ready(): boolean;
  send(frame: TypingFrame): boolean;
  onTyping(event: ClientEvents["typing"]): void;
}

/** A start is repeated no more often than this: often enough for the others' 10 s, far below the limit of 1/s. */
const repeatMs = 3000;
const indicatorsMax = 1000;

/** Typing indicators both ways; never stored, lost while not connected. */
export class Typing {
  readonly #clock: Clock;
  readonly #hooks: TypingHooks;
  /** When the last start of a chat went out; absent after a stop. */
  readonly #startedAtMs = new Map<string, number>();
  readonly #shown = new Map<
    string,
    { readonly timer: Timer; readonly chatId: string; readonly userId: string }
  >();

  constructor(clock: Clock, hooks: TypingHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  start(chatId: string): void {
    const nowMs = this.#clock.monotonicMs();
    const startedAtMs = this.#startedAtMs.get(chatId);
    if (startedAtMs !== undefined && nowMs - startedAtMs < repeatMs) return;
    if (!this.#hooks.ready()) return;
    if (this.#hooks.send({ type: "typing_start", payload: { chat_id: chatId } })) {
      this.#startedAtMs.set(chatId, nowMs);
    }
  }

  stop(chatId: string): void {
    if (!this.#startedAtMs.delete(chatId) || !this.#hooks.ready()) return;
    this.#hooks.send({ type: "typing_stop", payload: { chat_id: chatId } });
  }

  onIndicator(frame: TypingIndicatorFrame): void {
    const { chat_id: chatId, user_id: userId, is_typing: isTyping } = frame.payload;
    const key = `${chatId} ${userId}`;
    const shown = this.#shown.get(key);
    shown?.timer.cancel();
    this.#shown.delete(key);
    if (isTyping && this.#shown.size < indicatorsMax) {
      const timer = this.#clock.setTimer(protocolLimits.typingExpiryMs, () => this.#clear(key));
      this.#shown.set(key, { timer, chatId, userId });
    }
    if (isTyping !== (shown !== undefined)) this.#hooks.onTyping({ chatId, userId, isTyping });
  }

  /** A message ends its sender's typing. */
  onMessage(chatId: string, userId: string): void {
    this.#clear(`${chatId} ${userId}`);
  }

  onDown(): void {
    this.#startedAtMs.clear();
    for (const key of [...this.#shown.keys()]) this.#clear(key);
  }

  #clear(key: string): void {
    const shown = this.#shown.get(key);
    if (shown === undefined) return;
    shown.timer.cancel();
    this.#shown.delete(key);
    this.#hooks.onTyping({ chatId: shown.chatId, userId: shown.userId, isTyping: false });
  }
}
