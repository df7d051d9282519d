/** The limits around one-time codes: how often they may be asked for and how often they may be wrong. */
import type { TriplaneError } from "../shared/domain/errors.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import { addressHash } from "./address-hash.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { type NamedBucket, rateLimited, takeOrRefuse } from "./rate-limits.ts";

type Deps = Pick<ChatMgmtDeps, "rateLimiter" | "logger" | "metrics" | "settings">;

const lockoutKey = (phoneHash: string): string => `otp_lockout:phone:${phoneHash}`;
const attemptsKey = (phoneHash: string): string => `otp_verify:phone:${phoneHash}`;

/** @throws {TriplaneError} RATE_LIMITED during a lockout; SERVICE_UNAVAILABLE when that cannot be known */
export async function refuseDuringLockout(deps: Deps, phoneHash: string): Promise<void> {
  const leftMs = await deps.rateLimiter.flag(lockoutKey(phoneHash));
  if (leftMs !== undefined) throw lockedOut(deps, leftMs);
}

/**
 * Counts a request for a code, per phone and per address. Both are taken together, so that a refused request
 * takes nothing; the guard of the phone decides that an unreachable limiter refuses.
 * @throws {TriplaneError} RATE_LIMITED, SERVICE_UNAVAILABLE
 */
export async function takeOtpRequest(deps: Deps, phoneHash: string, info: RequestInfo): Promise<void> {
  const { perPhone, perIp, windowSeconds } = deps.settings.limits.otp;
  const windowMs = windowSeconds * 1000;
  const buckets: NamedBucket[] = [
    {
      kind: "fixed_window",
      name: "otp_per_phone",
      key: `otp_req:phone:${phoneHash}`,
      limit: perPhone,
      windowMs,
    },
  ];
  if (info.ip !== "") {
    const key = `otp_req:ip:${addressHash(info.ip)}`;
    buckets.push({ kind: "fixed_window", name: "otp_per_ip", key, limit: perIp, windowMs });
  }
  await takeOrRefuse(deps, "request_otp", buckets, "closed");
}

/**
 * Takes one attempt at a code before the code is looked at: attempts that run at the same time can so never
 * outnumber the limit. A right code gives all attempts back.
 * @throws {TriplaneError} RATE_LIMITED, SERVICE_UNAVAILABLE
 */
export async function takeOtpAttempt(deps: Deps, phoneHash: string): Promise<void> {
  await refuseDuringLockout(deps, phoneHash);
  await takeOrRefuse(deps, "verify_otp", [attempts(deps, phoneHash)], "closed");
}

/** After a wrong code: the attempt stays taken, and the last one locks the phone out. @returns attempts left */
export async function keepFailedAttempt(deps: Deps, phoneHash: string): Promise<number> {
  const [state] = await deps.rateLimiter.peek([attempts(deps, phoneHash)]);
  const remaining = state?.remaining ?? 0;
  if (remaining <= 0) {
    await deps.rateLimiter.setFlag(lockoutKey(phoneHash), deps.settings.limits.otp.lockoutSeconds * 1000);
  }
  return remaining;
}

export async function forgetAttempts(deps: Deps, phoneHash: string): Promise<void> {
  await deps.rateLimiter.reset(attemptsKey(phoneHash));
}

export function lockedOut(deps: Pick<Deps, "settings">, retryAfterMs: number): TriplaneError {
  const { failures, failureWindowSeconds } = deps.settings.limits.otp;
  return rateLimited(failures, failureWindowSeconds, retryAfterMs);
}

function attempts(deps: Deps, phoneHash: string): NamedBucket {
  const { failures, failureWindowSeconds } = deps.settings.limits.otp;
  return {
    kind: "fixed_window",
    name: "otp_failures",
    key: attemptsKey(phoneHash),
    limit: failures,
    windowMs: failureWindowSeconds * 1000,
  };
}
