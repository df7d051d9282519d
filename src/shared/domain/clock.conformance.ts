/** What every clock has to do. `pass` lets at least that much of its time go by. */
import { describe, expect, test } from "bun:test";
import { type Clock, sleep } from "./clock.ts";

export interface ClockHarness {
  readonly clock: Clock;
  pass(durationMs: number): Promise<void>;
}

export function clockConformance(name: string, open: () => ClockHarness): void {
  describe(`${name} as Clock`, () => {
    test("wall time is whole milliseconds, monotonic time never goes back", async () => {
      const { clock, pass } = open();
      let lastMs = clock.monotonicMs();
      for (let step = 0; step < 20; step += 1) {
        expect(Number.isInteger(clock.nowMs())).toBe(true);
        const nowMs = clock.monotonicMs();
        expect(nowMs).toBeGreaterThanOrEqual(lastMs);
        lastMs = nowMs;
        if (step % 5 === 0) await pass(1);
      }
    });

    test("both times move by what passes", async () => {
      const { clock, pass } = open();
      const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
      await pass(20);
      expect(clock.monotonicMs() - monotonicMs).toBeGreaterThanOrEqual(19);
      expect(clock.nowMs() - wallMs).toBeGreaterThanOrEqual(19);
    });

    test("timers fire once each, in the order they are due, never in the turn that set them", async () => {
      const { clock, pass } = open();
      const fired: string[] = [];
      clock.setTimer(30, () => fired.push("last"));
      clock.setTimer(0, () => fired.push("first"));
      clock.setTimer(15, () => fired.push("second"));
      expect(fired).toEqual([]);
      await pass(60);
      expect(fired).toEqual(["first", "second", "last"]);
    });

    test("a cancelled timer never fires; cancelling again, or after it fired, does nothing", async () => {
      const { clock, pass } = open();
      const fired: string[] = [];
      const cancelled = clock.setTimer(5, () => fired.push("cancelled"));
      const kept = clock.setTimer(5, () => fired.push("kept"));
      cancelled.cancel();
      cancelled.cancel();
      await pass(20);
      kept.cancel();
      expect(fired).toEqual(["kept"]);
    });

    test("a sleep ends after its time, or at once with the reason of its signal", async () => {
      const { clock, pass } = open();
      const order: string[] = [];
      const controller = new AbortController();
      const slept = sleep(clock, 10).then(() => order.push("slept"));
      const aborted = sleep(clock, 60_000, controller.signal).catch((reason: unknown) =>
        order.push(String(reason)),
      );
      controller.abort("enough");
      await pass(30);
      await Promise.all([slept, aborted]);
      expect(order).toEqual(["enough", "slept"]);
      const late = await sleep(clock, 1, controller.signal).catch((reason: unknown) => reason);
      expect(late).toBe("enough");
    });
  });
}
