/** The machine's clock and timers: the one place of the product that reads them. */
import type { Clock, Timer } from "../domain/clock.ts";

/** The longest delay that a runtime timer takes; a longer one would fire at once. */
const timerDelayMaxMs = 2 ** 31 - 1;

/**
 * Clock on the system's time. Timers never keep the process alive; a delay of 0 fires when the current turn of
 * the event loop is over; delays beyond 2^31 - 1 ms are waited for in legs.
 * @throws {RangeError} a delay that is no number
 */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    if (Number.isNaN(delayMs)) throw new RangeError("a timer's delay is NaN, a number of ms is needed");
    return delayMs <= 0 ? immediate(callback) : delayed(delayMs, callback);
  },
};

function immediate(callback: () => void): Timer {
  // Not unreferenced: Bun would leave an idle loop waiting with it, and it fires within this turn anyway.
  const handle = setImmediate(callback);
  return { cancel: () => clearImmediate(handle) };
}

function delayed(delayMs: number, callback: () => void): Timer {
  // Rounded up, since a runtime timer drops the fraction and would then fire early.
  let leftMs = Math.ceil(delayMs);
  let handle: ReturnType<typeof setTimeout>;
  const wait = (): void => {
    const legMs = Math.min(leftMs, timerDelayMaxMs);
    leftMs -= legMs;
    handle = setTimeout(leftMs > 0 ? wait : callback, legMs);
    handle.unref();
  };
  wait();
  return { cancel: () => clearTimeout(handle) };
}
