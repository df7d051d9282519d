/**
 * Who may call: token, revocation, rate limit, in this order, for every method by its `messaging.v1.rest` option.
 * REST and RPC ask the same guard. A refusal is a value, since its answer carries rate headers as well.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Clock } from "../domain/clock.ts";
import { TriplaneError, toTriplaneError } from "../domain/errors.ts";
import { Access, RateClass } from "../gen/messaging/v1/rest_pb.js";
import { ipKey } from "../http/client-ip.ts";
import type { Bucket, BucketState, RateLimiter } from "../stores/rate-limiter.ts";
import type { Revocation } from "../stores/revocation.ts";
import type { Caller } from "./request-info.ts";
import { restRule } from "./rest-rule.ts";

/**
 * Verifies an access token: signature, claims, times. `allowExpired` waives `exp` alone.
 * @throws {TriplaneError} UNAUTHORIZED with `details.reason` token_invalid or token_expired
 */
export type VerifyAccessToken = (
  token: string,
  options: { readonly allowExpired: boolean },
) => Promise<Caller>;

/** Requests in a minute: `limits.rest.*_per_minute` and `limits.refresh_per_minute`. */
export interface RestLimits {
  readonly readPerMinute: number;
  readonly writePerMinute: number;
  readonly statusPerMinute: number;
  readonly publicPerMinute: number;
  readonly refreshPerMinute: number;
}

export const restLimitsDefault: RestLimits = {
  readPerMinute: 300,
  writePerMinute: 60,
  statusPerMinute: 600,
  publicPerMinute: 300,
  refreshPerMinute: 30,
};

export interface GuardOptions {
  readonly verifyAccessToken: VerifyAccessToken;
  readonly revocation: Pick<Revocation, "areRevoked">;
  readonly limiter: Pick<RateLimiter, "take">;
  readonly limits: RestLimits;
  readonly clock: Pick<Clock, "nowMs">;
  readonly rateLimitsEnabled: boolean;
  /** Called with `rate_limit_check_failed` (the request goes on) and `revocation_check_failed` (it does not). */
  readonly warn: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What the `X-RateLimit-*` headers say. */
export interface RateStatus {
  readonly limit: number;
  readonly remaining: number;
  /** Unix seconds. */
  readonly reset: number;
}

export type Verdict =
  | { readonly admitted: true; readonly caller: Caller | undefined; readonly rate: RateStatus }
  | {
      readonly admitted: false;
      readonly error: TriplaneError;
      /** Known where a limit refused. */
      readonly caller: Caller | undefined;
      readonly rate: RateStatus;
    };

export interface Guard {
  /** Never rejects. Refuses with UNAUTHORIZED, SERVICE_UNAVAILABLE (revocations unknown) or RATE_LIMITED. */
  admit(method: DescMethod, headers: Headers, ip: string): Promise<Verdict>;
  /** For answers that belong to no method (an unknown path, a document): counts in the public bucket of the address. */
  admitPublic(ip: string): Promise<Verdict>;
}

const windowMs = 60_000;

export function createGuard(options: GuardOptions): Guard {
  const { limits, clock } = options;

  async function admit(method: DescMethod, headers: Headers, ip: string): Promise<Verdict> {
    const rule = restRule(method);
    if (rule.access === Access.PUBLIC) return take(publicBucket(ip), undefined);
    let caller: Caller;
    try {
      caller = await authenticate(headers, rule.access === Access.EXPIRED_USER);
    } catch (thrown) {
      return refuseUnauthenticated(toTriplaneError(thrown), ip);
    }
    return take(userBucket(rule.rate, caller.userId, limits), caller);
  }

  async function authenticate(headers: Headers, allowExpired: boolean): Promise<Caller> {
    const caller = await options.verifyAccessToken(bearerToken(headers), { allowExpired });
    // A refresh asks the session itself, which ended with its tokens: "session gone" is the answer to it.
    if (!allowExpired && (await isRevoked(caller))) {
      throw unauthorized("token_revoked", "The access token has been revoked");
    }
    return caller;
  }

  async function isRevoked(caller: Caller): Promise<boolean> {
    try {
      const [revoked] = await options.revocation.areRevoked([caller.tokenId]);
      return revoked === true;
    } catch (cause) {
      options.warn("revocation_check_failed", { jti: caller.tokenId, error: String(cause) });
      throw new TriplaneError("SERVICE_UNAVAILABLE", "Authentication service temporarily unavailable", {
        cause,
      });
    }
  }

  /** A refused token counts against the address, so that guessing is bounded too. */
  async function refuseUnauthenticated(error: TriplaneError, ip: string): Promise<Verdict> {
    const verdict = await take(publicBucket(ip), undefined);
    return verdict.admitted ? { admitted: false, error, caller: undefined, rate: verdict.rate } : verdict;
  }

  async function take(bucket: RestBucket, caller: Caller | undefined): Promise<Verdict> {
    const untouched = (): Verdict => ({
      admitted: true,
      caller,
      rate: {
        limit: bucket.limit,
        remaining: bucket.limit,
        reset: Math.ceil((clock.nowMs() + windowMs) / 1000),
      },
    });
    if (!options.rateLimitsEnabled) return untouched();
    try {
      const decision = await options.limiter.take([bucket], 1);
      if (decision.allowed) {
        return { admitted: true, caller, rate: rateStatus(bucket, decision.states[0]) };
      }
      const retryAfterSeconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1000));
      const error = new TriplaneError("RATE_LIMITED", "Too many requests", {
        details: {
          limit: bucket.limit,
          window_seconds: windowMs / 1000,
          retry_after_seconds: retryAfterSeconds,
        },
      });
      const rate = { ...rateStatus(bucket, decision.refusedBy), remaining: 0 };
      return { admitted: false, error, caller, rate };
    } catch (cause) {
      options.warn("rate_limit_check_failed", { key: bucket.key, error: String(cause) });
      return untouched();
    }
  }

  function rateStatus(bucket: RestBucket, state: BucketState | undefined): RateStatus {
    return {
      limit: bucket.limit,
      remaining: Math.max(0, Math.floor(state?.remaining ?? bucket.limit)),
      reset: Math.ceil((state?.resetAtMs ?? clock.nowMs() + windowMs) / 1000),
    };
  }

  function publicBucket(ip: string): RestBucket {
    return bucketOf(`rest:ip:${ipKey(ip)}`, limits.publicPerMinute);
  }

  return { admit, admitPublic: (ip) => take(publicBucket(ip), undefined) };
}

type RestBucket = Extract<Bucket, { kind: "fixed_window" }>;

function bucketOf(key: string, limit: number): RestBucket {
  return { kind: "fixed_window", key, limit, windowMs };
}

function userBucket(rate: RateClass, userId: string, limits: RestLimits): RestBucket {
  switch (rate) {
    case RateClass.READ:
      return bucketOf(`rest:read:user:${userId}`, limits.readPerMinute);
    case RateClass.STATUS:
      return bucketOf(`rest:status:user:${userId}`, limits.statusPerMinute);
    case RateClass.REFRESH:
      return bucketOf(`auth_refresh:user:${userId}`, limits.refreshPerMinute);
    default:
      return bucketOf(`rest:write:user:${userId}`, limits.writePerMinute);
  }
}

/** The scheme is case-insensitive (RFC 9110 section 11.1), the token is one word (RFC 6750 section 2.1). */
function bearerToken(headers: Headers): string {
  const header = headers.get("authorization");
  if (header === null || header === "") throw unauthorized("token_missing", "Authentication is required");
  const token = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i.exec(header)?.[1];
  if (token === undefined) throw unauthorized("token_invalid", "The access token is not valid");
  return token;
}

function unauthorized(reason: string, message: string): TriplaneError {
  return new TriplaneError("UNAUTHORIZED", message, { details: { reason } });
}
