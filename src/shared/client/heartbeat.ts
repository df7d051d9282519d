import { protocolLimits } from "../protocol/protocol-limits.ts";
import type { Clock, Random, Timer } from "./ports.ts";

export interface HeartbeatHooks {
  send(text: string): void;
  onRoundTrip(roundTripMs: number, serverTime: string): void;
  /** No answer for 10 s: the link is dead. */
  onDead(): void;
}

/** Beats at the announced interval, never later and at most a tenth earlier, and watches for the answers. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hooks: HeartbeatHooks;
  #beat: Timer | undefined;
  #dead: Timer | undefined;
  #count = 0;
  #lastSentMs = 0;

  constructor(clock: Clock, random: Random, hooks: HeartbeatHooks) {
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  start(intervalMs: number): void {
    this.stop();
    this.#arm(intervalMs);
  }

  stop(): void {
    this.#beat?.cancel();
    this.#dead?.cancel();
    this.#beat = undefined;
    this.#dead = undefined;
  }

  onAck(requestId: string | undefined, serverTime: string): void {
    this.#dead?.cancel();
    this.#dead = undefined;
    // An answer to an earlier beat proves life, but measures nothing.
    if (requestId !== this.#requestId()) return;
    this.#hooks.onRoundTrip(this.#clock.monotonicMs() - this.#lastSentMs, serverTime);
  }

  #arm(intervalMs: number): void {
    this.#beat = this.#clock.setTimer(intervalMs * (0.9 + 0.1 * this.#random.float()), () => {
      this.#arm(intervalMs);
      this.#count++;
      this.#lastSentMs = this.#clock.monotonicMs();
      this.#dead ??= this.#clock.setTimer(protocolLimits.heartbeatTimeoutMs, () => this.#hooks.onDead());
      this.#hooks.send(JSON.stringify({ type: "heartbeat", request_id: this.#requestId(), payload: {} }));
    });
  }

  #requestId(): string {
    return `hb-${this.#count}`;
  }
}
