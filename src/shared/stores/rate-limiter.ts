/**
 * Port: rate limits. All buckets of a request are checked together and taken only if all pass: a refused
 * request takes nothing. Abuse limits fail open, those that guard one-time codes fail closed: the caller decides.
 */
export type Bucket =
  /** `capacity` tokens, refilled at `perSecond`. */
  | {
      readonly kind: "token_bucket";
      readonly key: string;
      readonly capacity: number;
      readonly perSecond: number;
    }
  /** At most `limit` within a window that starts with its first hit. */
  | { readonly kind: "fixed_window"; readonly key: string; readonly limit: number; readonly windowMs: number }
  /** At most `limit` within any `windowMs`. */
  | { readonly kind: "sliding_log"; readonly key: string; readonly limit: number; readonly windowMs: number };

export interface BucketState {
  readonly key: string;
  readonly limit: number;
  readonly remaining: number;
  /** When the bucket is full, or the window over, at the latest. */
  readonly resetAtMs: number;
}

export type LimitDecision =
  | { readonly allowed: true; readonly states: readonly BucketState[] }
  /** `refusedBy` is the first bucket, in the order given, that had no room. */
  | {
      readonly allowed: false;
      readonly states: readonly BucketState[];
      readonly refusedBy: BucketState;
      /** Until a request of this cost may pass; at least 1. */
      readonly retryAfterMs: number;
    };

export interface RateLimiter {
  /** Takes `cost` from every bucket, or nothing. @throws {TriplaneError} SERVICE_UNAVAILABLE when the limiter's store is down */
  take(buckets: readonly Bucket[], cost: number): Promise<LimitDecision>;
  /** The states without taking anything. */
  peek(buckets: readonly Bucket[]): Promise<readonly BucketState[]>;
  /** Forgets a bucket. */
  reset(key: string): Promise<void>;
  /** Sets a flag that ends by itself (a lockout). */
  setFlag(key: string, durationMs: number): Promise<void>;
  /** @returns the milliseconds left, or undefined when the flag is not set. */
  flag(key: string): Promise<number | undefined>;
}
