/**
 * A clock whose timers run in a worker. A page in the background has its own timers delayed by up to a minute:
 * heartbeats would come too late, and the server would close the connection again and again.
 */
import type { Clock, Timer } from "../../client/ports.ts";

/** To the worker: start a timer, or end it where there is no delay. The worker answers with the id when it is due. */
export interface TimerOrder {
  readonly id: number;
  readonly delayMs: number | undefined;
}

/** The part of a worker that is used. */
export interface TimerPort {
  postMessage(order: TimerOrder): void;
  addEventListener(type: "message" | "error", listener: (event: { readonly data?: unknown }) => void): void;
}

interface Pending {
  readonly delayMs: number;
  readonly callback: () => void;
  /** Where the page runs it, since the worker does not. */
  own: Timer | undefined;
}

/** @param page tells the time, and runs the timers when the worker could not be started */
export function workerClock(port: TimerPort, page: Clock): Clock {
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let hasWorker = true;
  const due = (id: number): void => {
    const timer = pending.get(id);
    // Cancelled while its message was under way.
    if (timer === undefined) return;
    pending.delete(id);
    timer.callback();
  };
  const start = (id: number, timer: Pending): void => {
    if (hasWorker) port.postMessage({ id, delayMs: timer.delayMs });
    else timer.own = page.setTimer(timer.delayMs, () => due(id));
  };
  port.addEventListener("message", ({ data }) => due(data as number));
  port.addEventListener("error", () => {
    hasWorker = false;
    for (const [id, timer] of pending) start(id, timer);
  });
  return {
    nowMs: () => page.nowMs(),
    monotonicMs: () => page.monotonicMs(),
    setTimer: (delayMs, callback) => {
      const id = ++lastId;
      const timer: Pending = { delayMs, callback, own: undefined };
      pending.set(id, timer);
      start(id, timer);
      return {
        cancel: () => {
          if (!pending.delete(id)) return;
          if (hasWorker) port.postMessage({ id, delayMs: undefined });
          else timer.own?.cancel();
        },
      };
    },
  };
}
