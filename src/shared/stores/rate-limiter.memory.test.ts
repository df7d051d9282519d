/** Goal: the memory limiter keeps the port's promises, is bounded, and equals a plain model. Method: virtual clock. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { rateLimiterConformance } from "./rate-limiter.conformance.ts";
import { createMemoryRateLimiter } from "./rate-limiter.memory.ts";
import type { Bucket } from "./rate-limiter.ts";

rateLimiterConformance("memory", async () => {
  const clock = new VirtualClock();
  return {
    store: createMemoryRateLimiter(clock, { keysMax: 1000 }),
    time: clock,
    close: async () => undefined,
  };
});

describe("createMemoryRateLimiter", () => {
  test("a flood of keys pushes out the oldest buckets, never a flag", async () => {
    const limiter = createMemoryRateLimiter(new VirtualClock(), { keysMax: 100 });
    const bucket = (key: string): Bucket => ({ kind: "fixed_window", key, limit: 1, windowMs: 60_000 });
    await limiter.setFlag("lockout", 60_000);
    await limiter.take([bucket("first")], 1);
    for (let index = 0; index < 100; index += 1) await limiter.take([bucket(`flood-${index}`)], 1);
    expect(
      (await limiter.peek([bucket("first"), bucket("flood-99")])).map((state) => state.remaining),
    ).toEqual([1, 0]);
    expect(await limiter.flag("lockout")).toBe(60_000);
  });

  test("a jump of wall time changes no limit", async () => {
    const clock = new VirtualClock();
    const limiter = createMemoryRateLimiter(clock, { keysMax: 100 });
    const bucket: Bucket = { kind: "fixed_window", key: "k", limit: 1, windowMs: 60_000 };
    await limiter.take([bucket], 1);
    clock.jumpWallTime(3_600_000);
    expect(await limiter.take([bucket], 1)).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
  });

  test("random requests: decisions equal those of a log of everything that was allowed", async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const random = new SeededRandom(seed);
    const clock = new VirtualClock(0);
    const limiter = createMemoryRateLimiter(clock, { keysMax: 100 });
    const window = { kind: "sliding_log", key: "s", limit: 12, windowMs: 1000 } as const;
    const tokens = { kind: "token_bucket", key: "t", capacity: 20, perSecond: 8 } as const;
    const allowed: { atMs: number; cost: number }[] = [];
    let modelTokens = 20;
    let modelAtMs = 0;
    for (let step = 0; step < 3000; step += 1) {
      await clock.advance(random.below(250));
      const nowMs = clock.monotonicMs();
      const cost = 1 + random.below(5);
      modelTokens = Math.min(20, modelTokens + ((nowMs - modelAtMs) * 8) / 1000);
      modelAtMs = nowMs;
      const used = allowed.filter((hit) => hit.atMs > nowMs - 1000).reduce((sum, hit) => sum + hit.cost, 0);
      const expected = used + cost <= 12 && modelTokens + 1e-6 >= cost;
      const decision = await limiter.take([window, tokens], cost);
      expect(decision.allowed, `seed ${seed}, step ${step}`).toBe(expected);
      if (!expected) continue;
      allowed.push({ atMs: nowMs, cost });
      modelTokens -= cost;
    }
  });
});
