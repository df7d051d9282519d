/** What every source of randomness has to do. The bounds are so wide that a sound source misses them once in many lifetimes. */
import { describe, expect, test } from "bun:test";
import { fullJitterMs, type Random, randomInteger } from "./random.ts";

const draws = 20_000;

export function randomConformance(name: string, open: () => Random): void {
  describe(`${name} as Random`, () => {
    test("floats lie in [0, 1) and spread evenly over ten bins", () => {
      const random = open();
      const bins = new Array<number>(10).fill(0);
      for (let draw = 0; draw < draws; draw += 1) {
        const value = random.float();
        expect(value >= 0 && value < 1).toBe(true);
        const bin = Math.floor(value * 10);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
      for (const count of bins) expect(Math.abs(count - draws / 10)).toBeLessThan(draws / 50);
    });

    test("bytes come in the length asked for, also none and many, and take every value", () => {
      const random = open();
      for (const length of [0, 1, 16, 64, 65, 70_000]) expect(random.bytes(length)).toHaveLength(length);
      expect(new Set(random.bytes(20_000)).size).toBe(256);
    });

    test("what was handed out is never handed out again, and belongs to the caller", () => {
      const random = open();
      const seen = new Set<string>();
      for (let draw = 0; draw < 2000; draw += 1) {
        const bytes = random.bytes(16);
        seen.add(bytes.toHex());
        bytes.fill(0);
      }
      expect(seen.size).toBe(2000);
    });

    test("integers below a bound, and jitter up to its cap, follow from it", () => {
      const random = open();
      const digits = new Set<number>();
      for (let draw = 0; draw < 500; draw += 1) digits.add(randomInteger(random, 10));
      expect([...digits].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      for (let attempt = 0; attempt < 40; attempt += 1) {
        const waitMs = fullJitterMs(random, attempt, 1000, 30_000);
        expect(waitMs >= 0 && waitMs <= Math.min(30_000, 1000 * 2 ** attempt)).toBe(true);
      }
    });
  });
}
