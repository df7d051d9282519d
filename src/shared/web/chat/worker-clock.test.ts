/** Goal: timers fire once, or not at all when cancelled. Method: a worker whose answers the test gives itself. */
import { expect, test } from "bun:test";
import type { Clock } from "../../client/ports.ts";
import { type TimerOrder, workerClock } from "./worker-clock.ts";

function setUp() {
  const orders: TimerOrder[] = [];
  const ownTimers: { readonly delayMs: number; readonly callback: () => void; isCancelled: boolean }[] = [];
  const listeners = new Map<string, (event: { readonly data?: unknown }) => void>();
  const page: Clock = {
    nowMs: () => 1000,
    monotonicMs: () => 5,
    setTimer: (delayMs, callback) => {
      const timer = { delayMs, callback, isCancelled: false };
      ownTimers.push(timer);
      return {
        cancel: () => {
          timer.isCancelled = true;
        },
      };
    },
  };
  const clock = workerClock(
    {
      postMessage: (order) => orders.push(order),
      addEventListener: (type, listener) => listeners.set(type, listener),
    },
    page,
  );
  const answer = (id: number): void => listeners.get("message")?.({ data: id });
  const fail = (): void => listeners.get("error")?.({});
  return { clock, orders, ownTimers, answer, fail };
}

test("a timer calls back when the worker says that it is due, and once", () => {
  const { clock, orders, answer } = setUp();
  let calls = 0;
  clock.setTimer(250, () => calls++);
  expect(orders).toEqual([{ id: 1, delayMs: 250 }]);
  answer(2);
  expect(calls).toBe(0);
  answer(1);
  answer(1);
  expect(calls).toBe(1);
});

test("a cancelled timer stays silent, even if its answer is under way", () => {
  const { clock, orders, answer } = setUp();
  let calls = 0;
  const timer = clock.setTimer(250, () => calls++);
  timer.cancel();
  timer.cancel();
  answer(1);
  expect(calls).toBe(0);
  expect(orders).toEqual([
    { id: 1, delayMs: 250 },
    { id: 1, delayMs: undefined },
  ]);
});

test("cancelling a timer that fired does nothing", () => {
  const { clock, orders, answer } = setUp();
  const timer = clock.setTimer(1, () => undefined);
  answer(1);
  timer.cancel();
  expect(orders).toHaveLength(1);
});

test("without a worker the page runs the timers, those that wait and those that follow", () => {
  const { clock, ownTimers, fail } = setUp();
  let calls = 0;
  clock.setTimer(250, () => calls++);
  fail();
  const cancelled = clock.setTimer(500, () => calls++);
  expect(ownTimers.map((timer) => timer.delayMs)).toEqual([250, 500]);
  cancelled.cancel();
  expect(ownTimers.map((timer) => timer.isCancelled)).toEqual([false, true]);
  ownTimers[0]?.callback();
  expect(calls).toBe(1);
});

test("the time is that of the page", () => {
  const { clock } = setUp();
  expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1000, 5]);
});
