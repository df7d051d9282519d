/** Members of a chat: from the cache, else strongly from the store, with bounded retries. */
import { sleep } from "../shared/domain/clock.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import type { FanoutDeps } from "./fanout-deps.ts";

type MemberDeps = Pick<FanoutDeps, "clock" | "logger" | "chats" | "members" | "settings">;

/** @returns undefined when the store failed after its retries: the pushes are skipped, sync restores them */
export async function membersOf(deps: MemberDeps, chatId: ChatId): Promise<readonly UserId[] | undefined> {
  const cached = await deps.members.get(chatId);
  if (cached.userIds !== undefined) return cached.userIds;
  const { retriesMax, retryBackoffMs, retryBackoffMaxMs } = deps.settings;
  for (let attempt = 0; ; attempt++) {
    try {
      const memberships = await deps.chats.listMembers(chatId);
      const userIds = memberships.map((membership) => membership.userId);
      await deps.members.fill(chatId, userIds, cached.generation);
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
