/** How many chats and groups one user may be in, and how many groups a day a user may create. */
import { TriplaneError } from "../shared/domain/errors.ts";
import type { UserId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { takeOrRefuse } from "./rate-limits.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "rateLimiter" | "logger" | "metrics" | "clock" | "settings">;

const dayMs = 24 * 3600 * 1000;

/** @throws {TriplaneError} UNPROCESSABLE_ENTITY */
export async function requireRoomForChat(deps: Deps, userId: UserId): Promise<void> {
  const memberships = await deps.chats.listMembershipsOf(userId);
  if (memberships.length >= limits.chatsPerUserMax) {
    throw capReached(`you are in ${memberships.length} chats, limit ${limits.chatsPerUserMax}`);
  }
}

/** @throws {TriplaneError} UNPROCESSABLE_ENTITY, RATE_LIMITED */
export async function requireRoomForGroup(deps: Deps, userId: UserId): Promise<void> {
  const { perUser, perDay } = deps.settings.limits.groups;
  const groups = await deps.chats.countGroupsOf(userId);
  if (groups >= perUser) throw capReached(`you are in ${groups} groups, limit ${perUser}`);
  const nowMs = deps.clock.nowMs();
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const bucket = {
    kind: "fixed_window",
    name: "groups_per_day",
    key: `group_create:user:${userId}:day:${day}`,
    limit: perDay,
    // The window starts with the first group of the day and has to end with the day.
    windowMs: dayMs - (nowMs % dayMs),
  } as const;
  await takeOrRefuse(deps, "create_chat", [bucket], "open");
}

function capReached(message: string): TriplaneError {
  return new TriplaneError("UNPROCESSABLE_ENTITY", message);
}
