/** Takes from rate limits on behalf of a use case, and says no in the contract's words. */
import { TriplaneError } from "../shared/domain/errors.ts";
import type { Bucket } from "../shared/stores/rate-limiter.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "rateLimiter" | "logger" | "metrics">;

/** A bucket, and the name of its limit in metrics. */
export type NamedBucket = Bucket & { readonly name: string };

/** What a limiter that is down means: the guards of one-time codes refuse, limits against abuse let pass. */
export type WhenDown = "closed" | "open";

/**
 * Takes one from every bucket, or from none.
 * @throws {TriplaneError} RATE_LIMITED; SERVICE_UNAVAILABLE when the limiter is down and that means "closed"
 */
export async function takeOrRefuse(
  deps: Deps,
  endpoint: string,
  buckets: readonly NamedBucket[],
  whenDown: WhenDown,
): Promise<void> {
  const decision = await deps.rateLimiter.take(buckets, 1).catch((error: unknown) => {
    if (whenDown === "closed" || !isUnavailable(error)) throw error;
    deps.logger.warn("rate_limit_check_failed", { endpoint });
    return undefined;
  });
  if (decision === undefined || decision.allowed) return;
  const bucket = buckets.find((candidate) => candidate.key === decision.refusedBy.key);
  deps.metrics.count("security_rate_limits_total", { endpoint, limit_type: bucket?.name ?? "unknown" });
  throw rateLimited(decision.refusedBy.limit, windowSecondsOf(bucket), decision.retryAfterMs);
}

/** @param retryAfterMs rounded up to whole seconds, at least one */
export function rateLimited(limit: number, windowSeconds: number, retryAfterMs: number): TriplaneError {
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  return new TriplaneError("RATE_LIMITED", "Too many requests", {
    details: { limit, window_seconds: windowSeconds, retry_after_seconds: retryAfterSeconds },
  });
}

function windowSecondsOf(bucket: Bucket | undefined): number {
  if (bucket === undefined) return 0;
  if (bucket.kind === "token_bucket") return Math.ceil(bucket.capacity / bucket.perSecond);
  return Math.ceil(bucket.windowMs / 1000);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof TriplaneError && error.code === "SERVICE_UNAVAILABLE";
}
