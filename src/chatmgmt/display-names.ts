import type { UserId } from "../shared/domain/ids.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

/** Names by user id; undefined for users without a name. Asks once per user. */
export async function displayNames(
  deps: Pick<ChatMgmtDeps, "users">,
  userIds: readonly UserId[],
): Promise<ReadonlyMap<UserId, string | undefined>> {
  const distinct = [...new Set(userIds)];
  const users = distinct.length === 0 ? [] : await deps.users.getUsers(distinct);
  return new Map(distinct.map((userId, index) => [userId, users[index]?.displayName ?? undefined]));
}
