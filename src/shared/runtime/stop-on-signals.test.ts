/** Goal: the first signal drains, a second ends at once, an echo of the first does nothing. Method: a process made of a list. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { stopOnSignals } from "./stop-on-signals.ts";

function open() {
  const clock = new VirtualClock();
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const failures: unknown[] = [];
  const drain = Promise.withResolvers<void>();
  let stops = 0;
  stopOnSignals({
    clock,
    process: {
      on: (signal, listener) => listeners.set(signal, listener),
      exit: (code) => void exits.push(code),
    },
    stop: () => {
      stops++;
      return drain.promise;
    },
    onFailed: (error) => void failures.push(error),
  });
  const signal = (name: "SIGTERM" | "SIGINT"): void => listeners.get(name)?.();
  return { clock, exits, failures, drain, signal, stops: () => stops };
}

test.each(["SIGTERM", "SIGINT"] as const)("%s drains once, then exits 0", async (name) => {
  const { clock, exits, drain, signal, stops } = open();
  signal(name);
  await clock.settle();
  expect(exits).toEqual([]);
  drain.resolve();
  await clock.settle();
  expect([exits, stops()]).toEqual([[0], 1]);
});

test("the same Ctrl-C twice within a second is one signal, a second one later exits 130 at once", async () => {
  const { clock, exits, signal, stops } = open();
  signal("SIGINT");
  await clock.advance(999);
  signal("SIGINT");
  expect(exits).toEqual([]);
  await clock.advance(1);
  signal("SIGTERM");
  expect([exits, stops()]).toEqual([[130], 1]);
});

test("a drain that fails is told and exits 1", async () => {
  const { clock, exits, failures, drain, signal } = open();
  signal("SIGTERM");
  drain.reject(new Error("disk"));
  await clock.settle();
  expect(exits).toEqual([1]);
  expect(failures).toEqual([new Error("disk")]);
});
