/** The clock of one simulated process or installation: may be wrong, and stops when its owner is killed. */
import type { Clock, Timer } from "../../src/shared/domain/clock.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export class LocalClock implements Clock {
  readonly #base: VirtualClock;
  #wallOffsetMs = 0;
  #stopped = false;

  constructor(base: VirtualClock, wallOffsetMs: number) {
    this.#base = base;
    this.#wallOffsetMs = wallOffsetMs;
  }

  nowMs(): number {
    return this.#base.nowMs() + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    return this.#base.setTimer(delayMs, () => {
      if (!this.#stopped) callback();
    });
  }

  get wallOffsetMs(): number {
    return this.#wallOffsetMs;
  }

  /** Moves this clock's wall time alone. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Nothing fires any more: what was waiting dies with its owner. */
  stop(): void {
    this.#stopped = true;
  }
}
