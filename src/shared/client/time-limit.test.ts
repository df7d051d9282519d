/** Goal: waits end on time and leave nothing behind. Method: a virtual clock, then its pending timers. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { pause, withTimeLimit } from "./time-limit.ts";

const never = (): Promise<never> => new Promise(() => undefined);

test("work in time gives its outcome and leaves no timer", async () => {
  const clock = new VirtualClock();
  expect(await withTimeLimit(clock, 1000, undefined, async () => 7)).toBe(7);
  await expect(
    withTimeLimit(clock, 1000, undefined, async () => {
      throw new Error("its own");
    }),
  ).rejects.toThrow("its own");
  expect(clock.pendingTimers).toBe(0);
});

test("work that ignores its signal cannot hold the caller", async () => {
  const clock = new VirtualClock();
  const limited = withTimeLimit(clock, 1000, undefined, never);
  limited.catch(() => undefined);
  await clock.advance(1000);
  await expect(limited).rejects.toThrow("no answer within 1000 ms");
});

test("the caller's signal ends it with its own reason", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const limited = withTimeLimit(clock, 1000, controller.signal, never);
  controller.abort(new Error("enough"));
  await expect(limited).rejects.toThrow("enough");
  await expect(withTimeLimit(clock, 1000, controller.signal, never)).rejects.toThrow("enough");
  await expect(pause(clock, 1000, controller.signal)).rejects.toThrow("enough");
  expect(clock.pendingTimers).toBe(0);
});
