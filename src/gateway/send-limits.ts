/**
 * Rate limits of sends (L14-L18): all must pass, the refusal names the most specific one, a refused send takes
 * nothing and never reaches the durability plane. The shared limiter fails open; a bucket per connection and
 * chat in this process holds even then.
 */
import type { Clock } from "../shared/domain/clock.ts";
import type { Bucket } from "../shared/stores/rate-limiter.ts";
import type { Connection } from "./connection.ts";
import type { GatewayDeps } from "./gateway-deps.ts";

interface LocalBucket {
  tokens: number;
  atMs: number;
}

/** Chats per connection that have a bucket of their own; more share the refill of the oldest. */
const localBucketsMax = 64;

export class SendLimits {
  readonly #deps: Pick<GatewayDeps, "clock" | "limiter" | "logger" | "settings">;
  readonly #local = new WeakMap<Connection, Map<string, LocalBucket>>();
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: Pick<GatewayDeps, "clock" | "limiter" | "logger" | "settings">) {
    this.#deps = deps;
  }

  /** @returns undefined when the send may go on, else whole seconds until it may, at least 1 */
  take(connection: Connection, chatId: string): Promise<number | undefined> | number | undefined {
    if (!this.#deps.settings.rateLimitsEnabled) return undefined;
    const local = this.#takeLocal(connection, chatId);
    if (local !== undefined) return local;
    return this.#takeShared(connection, chatId);
  }

  async #takeShared(connection: Connection, chatId: string): Promise<number | undefined> {
    const { clock, limiter, logger } = this.#deps;
    try {
      const decision = await limiter.take(this.#buckets(connection.init.userId, chatId), 1);
      return decision.allowed ? undefined : Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
    } catch (error) {
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#warnedAtMs >= 1000) {
        this.#warnedAtMs = nowMs;
        logger.warn("rate_limit_check_failed", { limit: "sends", error });
      }
      return undefined;
    }
  }

  #buckets(userId: string, chatId: string): readonly Bucket[] {
    const { settings } = this.#deps;
    return [
      {
        kind: "token_bucket",
        key: `msg_rate:chat:${chatId}:user:${userId}`,
        capacity: settings.sendsBurst,
        perSecond: settings.sendsPerSecond,
      },
      {
        kind: "sliding_log",
        key: `msg_burst:chat:${chatId}:user:${userId}`,
        limit: settings.sendsBurst,
        windowMs: 1000,
      },
      {
        kind: "token_bucket",
        key: `msg_rate:user:${userId}`,
        capacity: settings.sendsPerUserSecond,
        perSecond: settings.sendsPerUserSecond,
      },
      {
        kind: "fixed_window",
        key: `msg_count:user:${userId}`,
        limit: settings.sendsPerUserHour,
        windowMs: 3_600_000,
      },
      {
        kind: "fixed_window",
        key: "msg_rate:global",
        limit: settings.sendsClusterSecond,
        windowMs: 1000,
      },
    ];
  }

  #takeLocal(connection: Connection, chatId: string): number | undefined {
    const { sendsPerSecond, sendsBurst } = this.#deps.settings;
    let buckets = this.#local.get(connection);
    if (buckets === undefined) {
      buckets = new Map();
      this.#local.set(connection, buckets);
    }
    const nowMs = this.#deps.clock.monotonicMs();
    const bucket = buckets.get(chatId) ?? { tokens: sendsBurst, atMs: nowMs };
    const tokens = refilled(bucket, nowMs, sendsPerSecond, sendsBurst);
    if (tokens < 1) {
      bucket.tokens = tokens;
      bucket.atMs = nowMs;
      return Math.max(1, Math.ceil((1 - tokens) / sendsPerSecond));
    }
    buckets.delete(chatId);
    buckets.set(chatId, { tokens: tokens - 1, atMs: nowMs });
    if (buckets.size > localBucketsMax) {
      const oldest = buckets.keys().next().value;
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return undefined;
  }
}

function refilled(bucket: LocalBucket, nowMs: number, perSecond: number, capacity: number): number {
  return Math.min(capacity, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
}

/** Counts events in a sliding window kept in a small array. @returns how many, this one included */
export function countRecent(
  times: number[],
  clock: Pick<Clock, "monotonicMs">,
  windowMs: number,
  keep: number,
): number {
  const nowMs = clock.monotonicMs();
  while (times[0] !== undefined && times[0] <= nowMs - windowMs) times.shift();
  times.push(nowMs);
  if (times.length > keep) times.shift();
  return times.length;
}
