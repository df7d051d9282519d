/**
 * Typing indicators: never stored, best effort, at most one start per second and chat from a connection (the only
 * frames that may be dropped silently). They reach connections of this gateway that a chat's pushes were seen to
 * reach: the gateway asks nobody for members.
 */
import type { Clock, Timer } from "../shared/domain/clock.ts";
import { protocolLimits } from "../shared/protocol/protocol-limits.ts";
import type { Connection } from "./connection.ts";
import { typingIndicator } from "./encode-frame.ts";

export interface TypingOptions {
  readonly clock: Clock;
  readonly enabled: boolean;
  readonly timestamp: () => string;
  /** Connections that the chat's last pushes named; empty when unknown. */
  readonly audienceOf: (chatId: string) => Iterable<Connection>;
}

interface State {
  readonly expiry: Timer;
  readonly startedAtMs: number;
}

const startIntervalMs = 1000;
/** Typing states at most; more are dropped. */
const statesMax = 10_000;

export class Typing {
  readonly #options: TypingOptions;
  readonly #states = new Map<string, State>();

  constructor(options: TypingOptions) {
    this.#options = options;
  }

  onFrame(connection: Connection, chatId: string, isTyping: boolean): void {
    if (!this.#options.enabled) return;
    const key = `${connection.init.connectionId}/${chatId}`;
    const state = this.#states.get(key);
    const nowMs = this.#options.clock.monotonicMs();
    if (!isTyping) {
      if (state !== undefined) this.#stop(key, state, connection, chatId);
      return;
    }
    if (state !== undefined && nowMs - state.startedAtMs < startIntervalMs) return;
    if (state === undefined && this.#states.size >= statesMax) return;
    state?.expiry.cancel();
    const expiry = this.#options.clock.setTimer(protocolLimits.typingExpiryMs, () => {
      const current = this.#states.get(key);
      if (current !== undefined) this.#stop(key, current, connection, chatId);
    });
    this.#states.set(key, { expiry, startedAtMs: nowMs });
    this.#tell(connection, chatId, true);
  }

  #stop(key: string, state: State, connection: Connection, chatId: string): void {
    state.expiry.cancel();
    this.#states.delete(key);
    this.#tell(connection, chatId, false);
  }

  #tell(sender: Connection, chatId: string, isTyping: boolean): void {
    const { userId } = sender.init;
    const frame = typingIndicator(chatId, userId, isTyping, this.#options.timestamp());
    let senderIsMember = false;
    const audience: Connection[] = [];
    for (const connection of this.#options.audienceOf(chatId)) {
      if (connection.init.userId === userId) senderIsMember = true;
      else audience.push(connection);
    }
    if (!senderIsMember) return;
    for (const connection of audience) {
      if (!connection.flowing) continue;
      connection.control(frame);
      connection.flush();
    }
  }
}
