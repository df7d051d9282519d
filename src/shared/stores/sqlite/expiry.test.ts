/** Goal: old things go in small slices, and the job stops cleanly. Method: a virtual clock and tasks that count. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../../tests/simulation/virtual-clock.ts";
import { type ExpiryOptions, type ExpiryTask, expiryTasks, startExpiry } from "./expiry.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** A task with this many things to remove; `slices` are the limits it was called with. */
function taskWith(name: string, count: number): ExpiryTask & { readonly slices: number[] } {
  let left = count;
  const slices: number[] = [];
  return {
    name,
    slices,
    async expire(_, limit) {
      slices.push(limit);
      const removed = Math.min(left, limit);
      left -= removed;
      return removed;
    },
  };
}

function start(clock: VirtualClock, tasks: readonly ExpiryTask[], log: unknown[]) {
  const options: ExpiryOptions = {
    clock,
    tasks,
    everyMs: 5 * minuteMs,
    sliceRows: 500,
    pauseMs: 50,
    onExpired: (task, count) => log.push([task, count]),
    onFailed: (task, error) => log.push([task, error instanceof Error ? error.message : error]),
  };
  return startExpiry(options);
}

test("a round removes everything in slices, then waits for the next", async () => {
  const clock = new VirtualClock();
  const log: unknown[] = [];
  const large = taskWith("large", 1200);
  const none = taskWith("none", 0);
  const job = start(clock, [large, none], log);
  await clock.advance(5 * minuteMs - 1);
  expect(large.slices).toEqual([]);
  await clock.advance(1);
  expect(large.slices).toEqual([500]);
  await clock.advance(100);
  expect(large.slices).toEqual([500, 500, 500]);
  expect(none.slices).toEqual([500]);
  expect(log).toEqual([["large", 1200]]);
  await clock.advance(5 * minuteMs);
  expect(large.slices).toHaveLength(4);
  await job.stop();
  expect(clock.pendingTimers).toBe(0);
});

test("a failing task is told and does not keep others from their turn", async () => {
  const clock = new VirtualClock();
  const log: unknown[] = [];
  const failing = { name: "failing", expire: () => Promise.reject(new Error("store down")) };
  const job = start(clock, [failing, taskWith("other", 3)], log);
  await clock.advance(5 * minuteMs);
  await clock.advance(5 * minuteMs);
  expect(log).toEqual([
    ["failing", "store down"],
    ["other", 3],
    ["failing", "store down"],
  ]);
  await job.stop();
});

test("stopping in the middle ends after the slice under way", async () => {
  const clock = new VirtualClock();
  const endless = taskWith("endless", Number.POSITIVE_INFINITY);
  const job = start(clock, [endless], []);
  await clock.advance(5 * minuteMs + 120);
  expect(endless.slices).toHaveLength(3);
  await job.stop();
  await clock.advance(10 * minuteMs);
  expect(endless.slices).toHaveLength(3);
  expect(clock.pendingTimers).toBe(0);
});

test("each kind has its own window", async () => {
  const asked: [string, number, number][] = [];
  const record = (name: string) => (timeMs: number, limit: number) => {
    asked.push([name, timeMs, limit]);
    return Promise.resolve(0);
  };
  const tasks = expiryTasks({
    messages: { expireKeys: record("keys") },
    eventLog: { expire: (topic, nowMs, limit) => record(topic)(nowMs, limit) },
    otps: { expire: record("otps") },
    sessions: { expire: record("sessions") },
    restIdempotency: { expire: record("rest") },
    revocation: { expire: record("revocation") },
  });
  const nowMs = 100 * dayMs;
  for (const task of tasks) await task.expire(nowMs, 7);
  expect(asked).toEqual([
    ["keys", 93 * dayMs, 7],
    ["otps", nowMs, 7],
    ["sessions", nowMs, 7],
    ["rest", 99 * dayMs, 7],
    ["revocation", nowMs, 7],
    ["messages.persisted", nowMs, 7],
    ["memberships.changed", nowMs, 7],
    ["chats.created", nowMs, 7],
    ["dead_letters", nowMs, 7],
  ]);
});
