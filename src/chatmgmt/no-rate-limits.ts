/** What `RATE_LIMITS_ENABLED=false` means, which is allowed on one machine only: everything passes, nobody is locked out. */
import type { Bucket, BucketState, RateLimiter } from "../shared/stores/rate-limiter.ts";

export const noRateLimits: RateLimiter = {
  take: async (buckets) => ({ allowed: true, states: buckets.map(untouched) }),
  peek: async (buckets) => buckets.map(untouched),
  reset: async () => undefined,
  setFlag: async () => undefined,
  flag: async () => undefined,
};

function untouched(bucket: Bucket): BucketState {
  const limit = bucket.kind === "token_bucket" ? bucket.capacity : bucket.limit;
  return { key: bucket.key, limit, remaining: limit, resetAtMs: 0 };
}
