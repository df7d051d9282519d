/** What every rate limiter must do. Times are exact to `time`'s own precision. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { refusalOf } from "./conformance-refusal.ts";
import type { ConformanceTime } from "./conformance-time.ts";
import type { Bucket, LimitDecision, RateLimiter } from "./rate-limiter.ts";

export interface OpenRateLimiter {
  readonly store: RateLimiter;
  readonly time: ConformanceTime;
  close(): Promise<void>;
}

export function rateLimiterConformance(name: string, open: () => Promise<OpenRateLimiter>): void {
  describe(`${name} as RateLimiter`, () => {
    let opened: OpenRateLimiter;
    let store: RateLimiter;
    let time: ConformanceTime;

    beforeEach(async () => {
      opened = await open();
      ({ store, time } = opened);
    });
    afterEach(() => opened.close());

    const tokens: Bucket = { kind: "token_bucket", key: "tokens", capacity: 10, perSecond: 5 };
    const fixed: Bucket = { kind: "fixed_window", key: "fixed", limit: 3, windowMs: 60_000 };
    const sliding: Bucket = { kind: "sliding_log", key: "sliding", limit: 3, windowMs: 10_000 };

    const takeTimes = async (bucket: Bucket, times: number): Promise<LimitDecision> => {
      let decision = await store.take([bucket], 1);
      for (let index = 1; index < times; index += 1) decision = await store.take([bucket], 1);
      return decision;
    };

    test("a token bucket gives its capacity at once, then its rate", async () => {
      expect(await takeTimes(tokens, 10)).toMatchObject({
        allowed: true,
        states: [{ limit: 10, remaining: 0 }],
      });
      expect(await store.take([tokens], 1)).toMatchObject({ allowed: false, retryAfterMs: 200 });
      await time.advance(199);
      expect((await store.take([tokens], 1)).allowed).toBe(false);
      await time.advance(1);
      expect((await store.take([tokens], 1)).allowed).toBe(true);
      await time.advance(60_000);
      expect(await store.peek([tokens])).toEqual([
        { key: "tokens", limit: 10, remaining: 10, resetAtMs: time.nowMs() },
      ]);
    });

    test("a token bucket names the moment it is full", async () => {
      const decision = await takeTimes(tokens, 4);
      expect(decision.states[0]).toEqual({
        key: "tokens",
        limit: 10,
        remaining: 6,
        resetAtMs: time.nowMs() + 800,
      });
    });

    test("a fixed window starts with its first hit and is over at its end", async () => {
      const startMs = time.nowMs();
      expect(await store.take([fixed], 2)).toEqual({
        allowed: true,
        states: [{ key: "fixed", limit: 3, remaining: 1, resetAtMs: startMs + 60_000 }],
      });
      await time.advance(20_000);
      expect((await store.take([fixed], 1)).allowed).toBe(true);
      expect(await store.take([fixed], 1)).toMatchObject({ allowed: false, retryAfterMs: 40_000 });
      await time.advance(39_999);
      expect(await store.take([fixed], 1)).toMatchObject({ allowed: false, retryAfterMs: 1 });
      await time.advance(1);
      expect(await store.take([fixed], 1)).toMatchObject({
        allowed: true,
        states: [{ remaining: 2, resetAtMs: startMs + 120_000 }],
      });
    });

    test("a sliding log allows its limit within any window, not more at a boundary", async () => {
      await store.take([sliding], 1);
      await time.advance(9_000);
      await store.take([sliding], 2);
      expect(await store.take([sliding], 1)).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
      expect(await store.take([sliding], 2)).toMatchObject({ allowed: false, retryAfterMs: 10_000 });
      await time.advance(1_000);
      expect((await store.take([sliding], 1)).allowed).toBe(true);
      expect((await store.take([sliding], 1)).allowed).toBe(false);
    });

    test("all or nothing: a refused request takes from no bucket", async () => {
      await takeTimes(fixed, 3);
      const refused = await store.take([tokens, fixed, sliding], 1);
      expect(refused).toMatchObject({
        allowed: false,
        refusedBy: { key: "fixed", limit: 3, remaining: 0 },
        states: [
          { key: "tokens", remaining: 10 },
          { key: "fixed", remaining: 0 },
          { key: "sliding", remaining: 3 },
        ],
      });
      expect((await store.peek([tokens, sliding])).map((state) => state.remaining)).toEqual([10, 3]);
    });

    test("a refused attempt does not prolong the wait", async () => {
      await takeTimes(sliding, 3);
      for (let second = 0; second < 10; second += 1) {
        expect((await store.take([sliding], 1)).allowed).toBe(false);
        await time.advance(1_000);
      }
      expect((await store.take([sliding], 1)).allowed).toBe(true);
    });

    test("refusedBy is the first bucket without room, the wait that of the slowest", async () => {
      await takeTimes(tokens, 10);
      await takeTimes(fixed, 3);
      expect(await store.take([sliding, tokens, fixed], 1)).toMatchObject({
        allowed: false,
        refusedBy: { key: "tokens" },
        retryAfterMs: 60_000,
      });
    });

    test("after retryAfterMs a request of that cost passes, a moment earlier it does not", async () => {
      const uneven: Bucket = { kind: "token_bucket", key: "uneven", capacity: 7, perSecond: 3 };
      await store.take([uneven, sliding], 3);
      const refused = await store.take([uneven, sliding], 2);
      if (refused.allowed) throw new Error("2 passed where 0 of 3 were left");
      await time.advance(refused.retryAfterMs - 1);
      expect((await store.take([uneven, sliding], 2)).allowed).toBe(false);
      await time.advance(1);
      expect((await store.take([uneven, sliding], 2)).allowed).toBe(true);
    });

    test("a cost beyond the limit never passes and takes nothing", async () => {
      for (const bucket of [tokens, fixed, sliding]) {
        const decision = await store.take([bucket], 11);
        expect(decision.allowed).toBe(false);
        if (!decision.allowed) expect(decision.retryAfterMs).toBeGreaterThanOrEqual(1);
        expect((await store.peek([bucket]))[0]?.remaining).toBe(bucket.kind === "token_bucket" ? 10 : 3);
      }
    });

    test("keys do not share their tokens; peek takes nothing; reset forgets one key", async () => {
      await takeTimes(fixed, 3);
      const other: Bucket = { ...fixed, key: "fixed-other" };
      expect((await store.take([other], 3)).allowed).toBe(true);
      await store.reset("fixed");
      expect((await store.peek([fixed, fixed, other])).map((state) => state.remaining)).toEqual([3, 3, 0]);
      expect((await store.take([fixed], 1)).allowed).toBe(true);
    });

    test.each([fixed, sliding, tokens])(
      "of many takers at once exactly the limit passes: %p",
      async (bucket) => {
        const decisions = await Promise.all(Array.from({ length: 40 }, () => store.take([bucket], 1)));
        const limit = bucket.kind === "token_bucket" ? bucket.capacity : bucket.limit;
        expect(decisions.filter((decision) => decision.allowed)).toHaveLength(limit);
      },
    );

    test("no bucket at all always passes", async () => {
      expect(await store.take([], 1)).toEqual({ allowed: true, states: [] });
    });

    test.each([0, -1, 0.5, Number.NaN])("cost %p is a programmer's mistake", async (cost) => {
      expect(await refusalOf(store.take([fixed], cost))).toBeInstanceOf(RangeError);
    });

    test("one key named twice in one request is a programmer's mistake", async () => {
      expect(await refusalOf(store.take([fixed, { ...sliding, key: "fixed" }], 1))).toBeInstanceOf(
        RangeError,
      );
    });

    test("a flag says how long it still holds, ends by itself and can be set anew", async () => {
      expect(await store.flag("lockout")).toBeUndefined();
      await store.setFlag("lockout", 900_000);
      expect(await store.flag("lockout")).toBe(900_000);
      await time.advance(899_999);
      expect(await store.flag("lockout")).toBe(1);
      await time.advance(1);
      expect(await store.flag("lockout")).toBeUndefined();
      await store.setFlag("lockout", 1000);
      expect(await store.flag("lockout")).toBe(1000);
      expect(await store.flag("another")).toBeUndefined();
    });

    test("a flag and a bucket may share their key", async () => {
      await store.setFlag("fixed", 1000);
      await takeTimes(fixed, 3);
      await store.reset("fixed");
      expect(await store.flag("fixed")).toBe(1000);
    });
  });
}
