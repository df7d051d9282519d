/**
 * Time as a dependency. Nothing outside the composition roots reads the clock or sets a timer by itself, so
 * that the whole system runs on a virtual clock.
 */

/** A pending timer. Cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch; integer; may jump with the system's clock. */
  nowMs(): number;
  /** Milliseconds that never go backwards; for durations only. */
  monotonicMs(): number;
  /** Calls back once, after at least `delayMs` (0 = as soon as the current turn is over). Never keeps a process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Resolves after `delayMs` on the given clock; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** ISO 8601 in UTC with milliseconds, the only form of time on any wire: `2026-01-31T10:00:00.000Z`. */
export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
