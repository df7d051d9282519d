/** Rate limits in this process's memory, on the injected clock's monotonic time. See the port. */
import type { Clock } from "../domain/clock.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Bucket, BucketState, LimitDecision, RateLimiter } from "./rate-limiter.ts";

/** Differences of fractional times are off by less than this. */
const roundingMs = 1e-6;
const roundingTokens = 1e-9;

interface SlidingHit {
  readonly atMs: number;
  readonly cost: number;
}

type Fill =
  | { readonly kind: "token_bucket"; readonly tokens: number; readonly atMs: number }
  | { readonly kind: "fixed_window"; readonly used: number; readonly endsAtMs: number }
  /** Oldest first. */
  | { readonly kind: "sliding_log"; readonly hits: readonly SlidingHit[] };

/** What a bucket holds at one instant. */
interface Level {
  readonly limit: number;
  readonly available: number;
  /** When all of it is available again. */
  readonly fullAtMs: number;
}

/**
 * Each call runs in one turn, so the check of all buckets and the taking from all of them are atomic. Buckets
 * that are full again, windows that are over and flags that ended are forgotten. At most `keysMax` buckets and
 * as many flags are held, apart from each other, so that a flood of keys cannot push a lockout out: see
 * `ExpiringMap` for what goes first. A cost beyond a bucket's limit never passes; its wait is then the time
 * until the bucket is full.
 */
export function createMemoryRateLimiter(clock: Clock, options: { readonly keysMax: number }): RateLimiter {
  const fills = new ExpiringMap<string, Fill>(options.keysMax);
  const flags = new ExpiringMap<string, true>(options.keysMax);

  const stateOf = (bucket: Bucket, level: Level, nowMs: number): BucketState => ({
    key: bucket.key,
    limit: level.limit,
    remaining: Math.max(0, Math.floor(level.available + roundingTokens)),
    resetAtMs: clock.nowMs() + Math.max(0, Math.ceil(level.fullAtMs - nowMs - roundingMs)),
  });

  return {
    take: async (buckets, cost): Promise<LimitDecision> => {
      checkRequest(buckets, cost);
      const nowMs = clock.monotonicMs();
      const found = buckets.map((bucket) => currentFill(bucket, fills.get(bucket.key, nowMs), nowMs));
      const waits = buckets.map((bucket, index) => waitMs(bucket, found[index], cost, nowMs));
      const refused = waits.findIndex((wait) => wait > 0);
      if (refused < 0) {
        const states = buckets.map((bucket, index) => {
          const fill = taken(bucket, found[index], cost, nowMs);
          const level = levelOf(bucket, fill, nowMs);
          fills.set(bucket.key, fill, level.fullAtMs, nowMs);
          return stateOf(bucket, level, nowMs);
        });
        return { allowed: true, states };
      }
      const states = buckets.map((bucket, index) =>
        stateOf(bucket, levelOf(bucket, found[index], nowMs), nowMs),
      );
      return {
        allowed: false,
        states,
        refusedBy: states[refused] as BucketState,
        retryAfterMs: Math.max(1, ...waits),
      };
    },
    peek: async (buckets) => {
      const nowMs = clock.monotonicMs();
      return buckets.map((bucket) => {
        const fill = currentFill(bucket, fills.get(bucket.key, nowMs), nowMs);
        return stateOf(bucket, levelOf(bucket, fill, nowMs), nowMs);
      });
    },
    reset: async (key) => {
      fills.delete(key);
    },
    setFlag: async (key, durationMs) => {
      const nowMs = clock.monotonicMs();
      flags.set(key, true, nowMs + durationMs, nowMs);
    },
    flag: async (key) => {
      const nowMs = clock.monotonicMs();
      if (flags.get(key, nowMs) === undefined) return undefined;
      return Math.max(1, Math.ceil((flags.expiresAtMs(key) ?? nowMs) - nowMs - roundingMs));
    },
  };
}

function checkRequest(buckets: readonly Bucket[], cost: number): void {
  if (!Number.isInteger(cost) || cost < 1) throw new RangeError(`cost ${cost} must be a positive integer`);
  for (let index = 1; index < buckets.length; index += 1) {
    const key = buckets[index]?.key;
    for (let earlier = 0; earlier < index; earlier += 1) {
      if (buckets[earlier]?.key === key) throw new RangeError(`bucket ${key} is named twice in one request`);
    }
  }
}

/** The fill with what has run out since removed; undefined = untouched. A key whose kind changed starts afresh. */
function currentFill(bucket: Bucket, fill: Fill | undefined, nowMs: number): Fill | undefined {
  if (fill === undefined || fill.kind !== bucket.kind) return undefined;
  if (fill.kind === "token_bucket" && bucket.kind === "token_bucket") {
    const refilled = fill.tokens + ((nowMs - fill.atMs) * bucket.perSecond) / 1000;
    return { kind: "token_bucket", tokens: Math.min(bucket.capacity, refilled), atMs: nowMs };
  }
  if (fill.kind === "sliding_log" && bucket.kind === "sliding_log") {
    const first = fill.hits.findIndex((hit) => hit.atMs + bucket.windowMs > nowMs + roundingMs);
    if (first === 0) return fill;
    return first < 0 ? undefined : { kind: "sliding_log", hits: fill.hits.slice(first) };
  }
  return fill;
}

function levelOf(bucket: Bucket, fill: Fill | undefined, nowMs: number): Level {
  const limit = bucket.kind === "token_bucket" ? bucket.capacity : bucket.limit;
  if (fill === undefined) return { limit, available: limit, fullAtMs: nowMs };
  if (fill.kind === "fixed_window") return { limit, available: limit - fill.used, fullAtMs: fill.endsAtMs };
  if (fill.kind === "token_bucket" && bucket.kind === "token_bucket") {
    const missing = bucket.capacity - fill.tokens;
    return { limit, available: fill.tokens, fullAtMs: fill.atMs + (missing * 1000) / bucket.perSecond };
  }
  if (fill.kind === "sliding_log" && bucket.kind === "sliding_log") {
    const newestAtMs = fill.hits.at(-1)?.atMs ?? nowMs;
    return { limit, available: limit - usedBy(fill.hits), fullAtMs: newestAtMs + bucket.windowMs };
  }
  throw new TypeError(`bucket ${bucket.key} is a ${bucket.kind}, its fill a ${fill.kind}`);
}

/** Whole milliseconds until this cost fits; 0 = now. */
function waitMs(bucket: Bucket, fill: Fill | undefined, cost: number, nowMs: number): number {
  const level = levelOf(bucket, fill, nowMs);
  if (level.available + roundingTokens >= cost) return 0;
  let atMs = level.fullAtMs;
  if (cost <= level.limit && bucket.kind === "token_bucket") {
    atMs = nowMs + ((cost - level.available) * 1000) / bucket.perSecond;
  } else if (cost <= level.limit && bucket.kind === "sliding_log" && fill?.kind === "sliding_log") {
    let available = level.available;
    for (const hit of fill.hits) {
      available += hit.cost;
      atMs = hit.atMs + bucket.windowMs;
      if (available >= cost) break;
    }
  }
  return Math.max(1, Math.ceil(atMs - nowMs - roundingMs));
}

function taken(bucket: Bucket, fill: Fill | undefined, cost: number, nowMs: number): Fill {
  switch (bucket.kind) {
    case "token_bucket": {
      const tokens = fill?.kind === "token_bucket" ? fill.tokens : bucket.capacity;
      return { kind: "token_bucket", tokens: Math.max(0, tokens - cost), atMs: nowMs };
    }
    case "fixed_window":
      return fill?.kind === "fixed_window"
        ? { kind: "fixed_window", used: fill.used + cost, endsAtMs: fill.endsAtMs }
        : { kind: "fixed_window", used: cost, endsAtMs: nowMs + bucket.windowMs };
    case "sliding_log": {
      const hits = fill?.kind === "sliding_log" ? fill.hits : [];
      return { kind: "sliding_log", hits: [...hits, { atMs: nowMs, cost }] };
    }
  }
}

function usedBy(hits: readonly SlidingHit[]): number {
  return hits.reduce((used, hit) => used + hit.cost, 0);
}
