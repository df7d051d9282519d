/** Members of a chat: from the cache, else strongly from the store, with bounded retries. */
import { sleep } from "../shared/domain/clock.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import type { FanoutDeps } from "./fanout-deps.ts";
import type { CachedMembers } from "./member-cache.ts";

type MemberDeps = Pick<FanoutDeps, "clock" | "logger" | "chats" | "members" | "settings">;

/** @returns undefined when the store failed after its retries: the pushes are skipped, sync restores them */
export async function membersOf(deps: MemberDeps, chatId: ChatId): Promise<readonly UserId[] | undefined> {
  const cached = await cachedMembers(deps, chatId);
  if (cached?.userIds !== undefined) return cached.userIds;
  const { retriesMax, retryBackoffMs, retryBackoffMaxMs } = deps.settings;
  for (let attempt = 0; ; attempt++) {
    try {
      const memberships = await deps.chats.listMembers(chatId);
      const userIds = memberships.map((membership) => membership.userId);
      if (cached !== undefined) await fillCache(deps, chatId, userIds, cached.generation);
      return userIds;
    } catch (error) {
      if (attempt >= retriesMax) {
        deps.logger.warn("members_unavailable", { chat_id: chatId, error });
        return undefined;
      }
      await sleep(deps.clock, Math.min(retryBackoffMs * 2 ** attempt, retryBackoffMaxMs));
    }
  }
}

/** A cache that is down only costs the reads of the store. */
async function cachedMembers(deps: MemberDeps, chatId: ChatId): Promise<CachedMembers | undefined> {
  try {
    return await deps.members.get(chatId);
  } catch (error) {
    deps.logger.warn("member_cache_unavailable", { chat_id: chatId, error });
    return undefined;
  }
}

async function fillCache(
  deps: MemberDeps,
  chatId: ChatId,
  userIds: readonly UserId[],
  generation: number,
): Promise<void> {
  try {
    await deps.members.fill(chatId, userIds, generation);
  } catch (error) {
    deps.logger.warn("member_cache_unavailable", { chat_id: chatId, error });
  }
}
