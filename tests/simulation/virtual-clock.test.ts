/** Goal: virtual time fires timers exactly as real time would, only without waiting. Method: record and compare. */
import { describe, expect, test } from "bun:test";
import { sleep } from "../../src/shared/domain/clock.ts";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

describe("VirtualClock", () => {
  test("fires timers in time order, then in the order they were set, at their own time", async () => {
    const clock = new VirtualClock(1000);
    const fired: [string, number][] = [];
    for (const [name, delayMs] of [
      ["c", 30],
      ["a", 10],
      ["b1", 20],
      ["b2", 20],
    ] as const) {
      clock.setTimer(delayMs, () => fired.push([name, clock.nowMs()]));
    }
    await clock.advance(29);
    expect(fired).toEqual([
      ["a", 1010],
      ["b1", 1020],
      ["b2", 1020],
    ]);
    await clock.advance(1);
    expect(fired.at(-1)).toEqual(["c", 1030]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("awaiting code runs between timers: a chain of sleeps takes its exact time", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    const chain = (async () => {
      for (let step = 0; step < 5; step += 1) {
        await sleep(clock, 10);
        seen.push(clock.monotonicMs());
      }
    })();
    await clock.advance(50);
    await chain;
    expect(seen).toEqual([10, 20, 30, 40, 50]);
  });

  test("timers set meanwhile fire in the same advance, also those without delay", async () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    clock.setTimer(5, () => {
      seen.push("outer");
      clock.setTimer(0, () => seen.push("inner"));
    });
    await clock.advance(5);
    expect(seen).toEqual(["outer", "inner"]);
  });

  test("a cancelled timer never fires, also when another timer of its instant cancels it", async () => {
    const clock = new VirtualClock(0);
    let fired = false;
    const first = clock.setTimer(5, () => second.cancel());
    const second = clock.setTimer(5, () => {
      fired = true;
    });
    await clock.advance(10);
    first.cancel();
    expect(fired).toBe(false);
  });

  test("what a callback throws, advance rejects with, and the clock goes on", async () => {
    const clock = new VirtualClock(0);
    let later = false;
    clock.setTimer(1, () => {
      throw new Error("from the timer");
    });
    clock.setTimer(2, () => {
      later = true;
    });
    await expect(clock.advance(5)).rejects.toThrow("from the timer");
    await clock.advance(5);
    expect(later).toBe(true);
  });

  test("runUntil stops at the timer that made the condition true", async () => {
    const clock = new VirtualClock(0);
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      clock.setTimer(100, tick);
    };
    clock.setTimer(100, tick);
    await clock.runUntil(() => ticks === 3, 1000);
    expect(clock.monotonicMs()).toBe(300);
  });

  test("runUntil fails after its bound and says so", async () => {
    const clock = new VirtualClock(0);
    await expect(clock.runUntil(() => false, 250)).rejects.toThrow("within 250 ms");
    expect(clock.monotonicMs()).toBe(250);
  });

  test("two moves at once are refused", async () => {
    const clock = new VirtualClock(0);
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow("moving already");
    await first;
  });

  test("wall time jumps, timers and monotonic time do not", async () => {
    const clock = new VirtualClock(1000);
    let firedAtMs = -1;
    clock.setTimer(10, () => {
      firedAtMs = clock.monotonicMs();
    });
    clock.jumpWallTime(-500);
    await clock.advance(10);
    expect(firedAtMs).toBe(10);
    expect(clock.nowMs()).toBe(510);
  });

  test("many random timers fire in exactly the order a sort gives", async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const random = new SeededRandom(seed);
    const clock = new VirtualClock(0);
    const expected: { dueMs: number; order: number }[] = [];
    const fired: number[] = [];
    for (let order = 0; order < 2000; order += 1) {
      const dueMs = random.below(300);
      const timer = clock.setTimer(dueMs, () => fired.push(order));
      if (random.below(4) === 0) timer.cancel();
      else expected.push({ dueMs, order });
    }
    expected.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    await clock.advance(300);
    expect(fired, `seed ${seed}`).toEqual(expected.map((timer) => timer.order));
  });
});

describe("SeededRandom", () => {
  test("the same seed gives the same draws, another seed others", () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return [...random.bytes(7), random.float(), random.below(1000)];
    };
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  test("known answers of mulberry32, seed 1", () => {
    const random = new SeededRandom(1);
    const words = [random.float(), random.float(), random.float()].map((value) => value * 2 ** 32);
    expect(words).toEqual([2693262067, 11749833, 2265367787]);
  });

  test("floats are spread evenly", () => {
    const random = new SeededRandom(7);
    const buckets = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw += 1) {
      const index = random.below(10);
      buckets[index] = (buckets[index] ?? 0) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1150);
  });

  test.each([-1, 2 ** 32, 0.5, Number.NaN])("seed %p is refused", (seed) => {
    expect(() => new SeededRandom(seed)).toThrow(RangeError);
  });
});
