/** Goal: each method is admitted, refused and counted by its option. Method: the real guard over a counting limiter, per descriptor. */
import { expect, test } from "bun:test";
import { TriplaneError } from "../domain/errors.ts";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import { createFixtureGuard, nowMs } from "../http/edge-fixture.ts";
import type { Bucket, LimitDecision } from "../stores/rate-limiter.ts";
import type { GuardOptions, Verdict } from "./guard.ts";

const { method } = ChatMgmtService;
const user = "user_01HQX7Z9Y8K4M3N2P1Q0R5S6T7";
const ip = "192.0.2.7";
const ipBucket = /^rest:ip:[0-9a-f]{64}$/;

function bearer(token: string): Headers {
  return new Headers({ authorization: `Bearer ${token}` });
}

/** Allows everything and remembers what was asked. */
function recordingLimiter(): GuardOptions["limiter"] & { readonly asked: Bucket[] } {
  const asked: Bucket[] = [];
  return {
    asked,
    take: async (buckets): Promise<LimitDecision> => {
      asked.push(...buckets);
      return { allowed: true, states: [] };
    },
  };
}

function refusal(verdict: Verdict): string {
  if (verdict.admitted) return "admitted";
  return `${verdict.error.code} ${verdict.error.details?.["reason"] ?? ""}`.trim();
}

test.each([
  ["GetMe", method.getMe, `rest:read:user:${user}`, 300],
  ["UpdateMe", method.updateMe, `rest:write:user:${user}`, 60],
  ["DeleteSession", method.deleteSession, `rest:write:user:${user}`, 60],
  ["GetDeliveryStatus", method.getDeliveryStatus, `rest:status:user:${user}`, 600],
  ["RefreshToken", method.refreshToken, `auth_refresh:user:${user}`, 30],
])("%s counts in its own bucket", async (_, desc, key, limit) => {
  const limiter = recordingLimiter();
  const verdict = await createFixtureGuard({ limiter }).admit(desc, bearer("valid"), ip);
  expect(limiter.asked).toEqual([{ kind: "fixed_window", key, limit, windowMs: 60_000 }]);
  expect(verdict).toMatchObject({ admitted: true, caller: { userId: user }, rate: { limit } });
});

test("a public method needs no token and counts by hashed network", async () => {
  const limiter = recordingLimiter();
  const verdict = await createFixtureGuard({ limiter }).admit(method.getApiInfo, new Headers(), ip);
  expect(verdict).toMatchObject({ admitted: true, caller: undefined });
  expect(limiter.asked).toEqual([
    { kind: "fixed_window", key: expect.stringMatching(ipBucket), limit: 300, windowMs: 60_000 },
  ]);
});

test.each([
  ["no header", undefined, "UNAUTHORIZED token_missing"],
  ["an empty header", "", "UNAUTHORIZED token_missing"],
  ["another scheme", "Basic dXNlcjpwYXNz", "UNAUTHORIZED token_invalid"],
  ["a scheme alone", "Bearer", "UNAUTHORIZED token_invalid"],
  ["two words", "Bearer valid valid", "UNAUTHORIZED token_invalid"],
  ["a forged token", "Bearer forged", "UNAUTHORIZED token_invalid"],
  ["an expired token", "Bearer expired", "UNAUTHORIZED token_expired"],
  ["a revoked token", "Bearer revoked", "UNAUTHORIZED token_revoked"],
  ["the scheme in lower case", "bearer valid", "admitted"],
])("%s", async (_, header, expected) => {
  const limiter = recordingLimiter();
  const headers = new Headers(header === undefined ? {} : { authorization: header });
  const verdict = await createFixtureGuard({ limiter }).admit(method.getMe, headers, ip);
  expect(refusal(verdict)).toBe(expected);
  if (expected !== "admitted") expect(limiter.asked[0]?.key).toMatch(ipBucket);
  expect(limiter.asked.length).toBe(1);
});

test("guessing tokens ends in 429", async () => {
  const limits = {
    readPerMinute: 9,
    writePerMinute: 9,
    statusPerMinute: 9,
    publicPerMinute: 2,
    refreshPerMinute: 9,
  };
  const guard = createFixtureGuard({ limits });
  const guess = async (): Promise<string> => refusal(await guard.admit(method.getMe, bearer("forged"), ip));
  expect([await guess(), await guess(), await guess()]).toEqual([
    "UNAUTHORIZED token_invalid",
    "UNAUTHORIZED token_invalid",
    "RATE_LIMITED",
  ]);
  expect(refusal(await guard.admit(method.getMe, bearer("valid"), ip))).toBe("admitted");
});

test("a refusal by rate says when to come back", async () => {
  const limits = {
    readPerMinute: 1,
    writePerMinute: 1,
    statusPerMinute: 1,
    publicPerMinute: 1,
    refreshPerMinute: 1,
  };
  const guard = createFixtureGuard({ limits });
  const first = await guard.admit(method.getMe, bearer("valid"), ip);
  expect(first.rate).toEqual({ limit: 1, remaining: 0, reset: nowMs / 1000 + 30 });
  const second = await guard.admit(method.getMe, bearer("valid"), ip);
  if (second.admitted) throw new Error("the limit of 1 let 2 through");
  expect(second.error.details).toEqual({ limit: 1, window_seconds: 60, retry_after_seconds: 30 });
  expect(second.rate).toEqual({ limit: 1, remaining: 0, reset: nowMs / 1000 + 30 });
});

test("unknown revocations deny", async () => {
  const warnings: string[] = [];
  const guard = createFixtureGuard({
    revocation: { areRevoked: () => Promise.reject(new Error("connection refused to cache.internal")) },
    warn: (event) => warnings.push(event),
  });
  const verdict = await guard.admit(method.getMe, bearer("valid"), ip);
  expect(refusal(verdict)).toBe("SERVICE_UNAVAILABLE");
  if (!verdict.admitted) expect(verdict.error.message).not.toContain("cache.internal");
  expect(warnings).toEqual(["revocation_check_failed"]);
});

test("an unreachable limiter lets requests through, with a warning and full headers", async () => {
  const warnings: string[] = [];
  const guard = createFixtureGuard({
    limiter: { take: () => Promise.reject(new TriplaneError("SERVICE_UNAVAILABLE", "down")) },
    warn: (event) => warnings.push(event),
  });
  const verdict = await guard.admit(method.getMe, bearer("valid"), ip);
  expect(verdict).toMatchObject({
    admitted: true,
    rate: { limit: 300, remaining: 300, reset: nowMs / 1000 + 60 },
  });
  expect(warnings).toEqual(["rate_limit_check_failed"]);
});

test("limits that are turned off are shown and not counted", async () => {
  const limiter = recordingLimiter();
  const guard = createFixtureGuard({ limiter, rateLimitsEnabled: false });
  const verdict = await guard.admit(method.getMe, bearer("valid"), ip);
  expect(verdict).toMatchObject({ admitted: true, rate: { limit: 300, remaining: 300 } });
  expect(limiter.asked).toEqual([]);
});
