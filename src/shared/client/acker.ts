import type { AckFrame } from "../protocol/frames.ts";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import type { Clock, Timer } from "./ports.ts";

export interface AckerHooks {
  /** May acks go out now? */
  ready(): boolean;
  /** @returns false when the connection did not take it */
  send(frame: AckFrame): boolean;
  onSent(chatId: string, lastAckedSequence: number): void;
}

interface Position {
  /** Gapless and durable up to here. */
  durable: number;
  /** Highest value sent on this connection, or known to be stored on the server. */
  sent: number;
}

/**
 * Cumulative acknowledgements: one per chat, after 5 s or 10 messages over all chats, at once after a sync and
 * before a close. Only what is durable here is acknowledged, and never less than before.
 */
export class Acker {
  readonly #clock: Clock;
  readonly #hooks: AckerHooks;
  readonly #positions = new Map<string, Position>();
  /** Chats whose durable position is above the sent one. */
  readonly #behind = new Set<string>();
  #messages = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, hooks: AckerHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /** The chat is durable up to `sequence`; `messages` of it are new. */
  advance(chatId: string, sequence: number, messages: number): void {
    const position = this.#position(chatId);
    if (sequence <= position.durable) return;
    position.durable = sequence;
    if (sequence > position.sent) this.#behind.add(chatId);
    this.#messages += messages;
    if (!this.#hooks.ready()) return;
    if (this.#messages >= protocolLimits.ackBatchMessages) this.flush();
    else this.#timer ??= this.#clock.setTimer(protocolLimits.ackIntervalMs, () => this.flush());
  }

  /** What the server has stored: less than was sent when acks were lost. */
  serverHas(chatId: string, sequence: number): void {
    const position = this.#position(chatId);
    position.sent = sequence;
    if (position.durable > sequence) this.#behind.add(chatId);
    else this.#behind.delete(chatId);
  }

  /** Sends what is due in every chat. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#messages = 0;
    for (const chatId of [...this.#behind]) this.flushChat(chatId);
  }

  flushChat(chatId: string): void {
    const position = this.#position(chatId);
    if (position.durable <= position.sent) return;
    const frame: AckFrame = {
      type: "ack",
      payload: { chat_id: chatId, last_acked_sequence: position.durable },
    };
    if (!this.#hooks.send(frame)) return;
    position.sent = position.durable;
    this.#behind.delete(chatId);
    this.#hooks.onSent(chatId, position.durable);
  }

  /** A stored position of an earlier run, taken for acknowledged until the server says otherwise. */
  restore(chatId: string, sequence: number): void {
    this.#positions.set(chatId, { durable: sequence, sent: sequence });
  }

  /** Acknowledge the chat's position once more: the earlier ack may have died with its connection. */
  repeat(chatId: string): void {
    this.serverHas(chatId, 0);
  }

  onDown(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  forget(chatId: string): void {
    this.#positions.delete(chatId);
    this.#behind.delete(chatId);
  }

  #position(chatId: string): Position {
    const known = this.#positions.get(chatId);
    if (known !== undefined) return known;
    const position: Position = { durable: 0, sent: 0 };
    this.#positions.set(chatId, position);
    return position;
  }
}
