/** Signs that somebody collects phone numbers instead of finding friends. They are recorded, never refused. */
import type { UserId } from "../shared/domain/ids.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import type { User } from "../shared/stores/user-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "audit" | "rateLimiter" | "metrics" | "clock">;

const dayMs = 24 * 3600 * 1000;
const lookupsPerDay = 500;
const sequentialRun = 10;
const missesNumbersMin = 100;
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
  const { caller, phoneNumbers, matches } = lookup;
  const found: string[] = [];
  if (caller !== undefined && deps.clock.nowMs() - caller.createdAtMs < dayMs) found.push("young_account");
  if (phoneNumbers.length >= missesNumbersMin && matches < phoneNumbers.length * hitRatioMin) {
    found.push("few_matches");
  }
  if (longestSequentialRun(phoneNumbers) >= sequentialRun) found.push("sequential_numbers");
  if (await isBeyondDailyCount(deps, lookup.userId)) found.push("many_lookups");
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

async function isBeyondDailyCount(deps: Deps, userId: UserId): Promise<boolean> {
  const bucket = {
    kind: "fixed_window",
    key: `lookup_day:user:${userId}`,
    limit: lookupsPerDay,
    windowMs: dayMs,
  } as const;
  const decision = await deps.rateLimiter.take([bucket], 1).catch(() => undefined);
  return decision?.allowed === false;
}
