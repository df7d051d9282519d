/** Use case: finds registered users by phone number, slowly on purpose: neither time nor shape tells a hit from a miss. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { sleep } from "../shared/domain/clock.ts";
import type { UserId } from "../shared/domain/ids.ts";
import type {
  LookupUsersRequest,
  LookupUsersResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { auditActor, auditContext } from "./audit-context.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { flagSuspiciousLookup } from "./lookup-suspicion.ts";
import { type NamedBucket, takeOrRefuse } from "./rate-limits.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "users" | "chats" | "rateLimiter" | "audit" | "logger" | "metrics" | "clock" | "random" | "settings"
>;

/** Every answer takes 250 ± 50 ms; work that takes longer is padded to the next multiple of 50 ms. */
const answerTimeMs = 250;
const jitterMs = 50;
const stepMs = 50;

/** @throws {TriplaneError} RATE_LIMITED */
export async function lookupUsers(
  deps: Deps,
  request: LookupUsersRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof LookupUsersResponseSchema>> {
  const startMs = deps.clock.monotonicMs();
  const userId = callerId(context);
  await takeOrRefuse(deps, "users_lookup", lookupBuckets(deps, userId), "open");
  const phoneNumbers = [...new Set(request.phoneNumbers)];
  const [found, [caller]] = await Promise.all([
    deps.users.findByPhone(phoneNumbers),
    deps.users.getUsers([userId]),
  ]);
  const users = found.filter((user) => user !== undefined);
  const matches = users.length;
  deps.audit.record({
    type: "user.lookup",
    outcome: "success",
    reason: null,
    actor: auditActor(context.info),
    target: { type: "user", resourceId: userId },
    ...auditContext(context.info),
    details: { phone_numbers: phoneNumbers.length, matches },
  });
  await flagSuspiciousLookup(deps, { userId, caller, phoneNumbers, matches }, context.info);
  await levelAnswerTime(deps, startMs);
  return {
    users: users.map((user) => ({
      phoneNumber: user.phoneNumber,
      userId: user.userId,
      displayName: user.displayName ?? undefined,
    })),
    notFound: phoneNumbers.filter((_, index) => found[index] === undefined),
  };
}

function lookupBuckets(deps: Deps, userId: UserId): readonly NamedBucket[] {
  const { perMinute, perHour } = deps.settings.limits.lookup;
  const key = `lookup:user:${userId}`;
  return [
    {
      kind: "sliding_log",
      name: "lookup_per_minute",
      key: `${key}:minute`,
      limit: perMinute,
      windowMs: 60_000,
    },
    { kind: "sliding_log", name: "lookup_per_hour", key: `${key}:hour`, limit: perHour, windowMs: 3_600_000 },
  ];
}

async function levelAnswerTime(deps: Deps, startMs: number): Promise<void> {
  const targetMs = answerTimeMs + (deps.random.float() * 2 - 1) * jitterMs;
  const elapsedMs = deps.clock.monotonicMs() - startMs;
  const endMs = elapsedMs <= targetMs ? targetMs : Math.ceil(elapsedMs / stepMs) * stepMs;
  if (endMs > elapsedMs) await sleep(deps.clock, endMs - elapsedMs);
}
