/** Signs that somebody collects phone numbers instead of finding friends. They are recorded, never refused. */
import type { UserId } from "../shared/domain/ids.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import type { User } from "../shared/stores/user-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "audit" | "rateLimiter" | "chats" | "metrics" | "clock">;

const dayMs = 24 * 3600 * 1000;
const callsPerDay = 500;
const sequentialRun = 10;
/** Numbers within a day from which on the share of hits and the chats that followed say something. */
const numbersMin = 100;
const hitRatioMin = 0.1;

export interface Lookup {
  readonly userId: UserId;
  readonly caller: User | undefined;
  readonly phoneNumbers: readonly string[];
  readonly matches: number;
}

/** Never throws. */
export async function flagSuspiciousLookup(deps: Deps, lookup: Lookup, info: RequestInfo): Promise<void> {
  for (const reason of await suspicions(deps, lookup)) {
    deps.metrics.count("security_anomalies_detected_total", { anomaly_type: "enumeration" });
    deps.audit.record({
      type: "abuse.enumeration_suspected",
      outcome: "success",
      reason,
      actor: auditActor(info),
      target: { type: "user", resourceId: lookup.userId },
      ...auditContext(info),
      details: { phone_numbers: lookup.phoneNumbers.length, matches: lookup.matches },
    });
  }
}

async function suspicions(deps: Deps, lookup: Lookup): Promise<readonly string[]> {
  const { caller, phoneNumbers } = lookup;
  const found: string[] = [];
  if (caller !== undefined && deps.clock.nowMs() - caller.createdAtMs < dayMs) found.push("young_account");
  if (longestSequentialRun(phoneNumbers) >= sequentialRun) found.push("sequential_numbers");
  const today = await countToday(deps, lookup);
  if (today.calls > callsPerDay) found.push("many_lookups");
  if (today.numbers >= numbersMin) {
    if (today.matches < today.numbers * hitRatioMin) found.push("few_matches");
    const joined = await hasJoinedChat(deps, lookup.userId);
    if (today.matches > 0 && !joined) found.push("no_chat_followed");
  }
  return found;
}

/** How many of the numbers follow each other without a gap. */
export function longestSequentialRun(phoneNumbers: readonly string[]): number {
  const values = phoneNumbers
    .map((phoneNumber) => BigInt(phoneNumber.slice(1)))
    .sort((a, b) => (a < b ? -1 : 1));
  let longest = 0;
  let run = 0;
  values.forEach((value, index) => {
    const previous = values[index - 1];
    run = previous !== undefined && value === previous + 1n ? run + 1 : 1;
    longest = Math.max(longest, run);
  });
  return longest;
}

interface Today {
  readonly calls: number;
  readonly numbers: number;
  readonly matches: number;
}

/** What the user looked up within a day that began with its first lookup, this one included. Zeros when it cannot be known. */
async function countToday(deps: Deps, { userId, phoneNumbers, matches }: Lookup): Promise<Today> {
  const [calls, numbers, found] = await Promise.all([
    count(deps, `lookup_day:user:${userId}:calls`, 1),
    count(deps, `lookup_day:user:${userId}:numbers`, phoneNumbers.length),
    // One more than there were: a lookup without a match is the same call as one with.
    count(deps, `lookup_day:user:${userId}:matches`, matches + 1),
  ]);
  return { calls, numbers, matches: Math.max(0, found - calls) };
}

/** Adds to a day's counter: a bucket so large that it never refuses. @returns the count after it */
async function count(deps: Deps, key: string, more: number): Promise<number> {
  const bucket = { kind: "fixed_window", key, limit: Number.MAX_SAFE_INTEGER, windowMs: dayMs } as const;
  const decision = await deps.rateLimiter.take([bucket], more).catch(() => undefined);
  const state = decision?.states[0];
  return state === undefined ? 0 : state.limit - state.remaining;
}

/** Has the user come into any chat within a day? Asked whatever was found, so that a hit costs what a miss costs. */
async function hasJoinedChat(deps: Deps, userId: UserId): Promise<boolean> {
  const sinceMs = deps.clock.nowMs() - dayMs;
  const memberships = await deps.chats.listMembershipsOf(userId).catch(() => undefined);
  return memberships?.some((membership) => membership.joinedAtMs > sinceMs) ?? true;
}
