/** Who gets a push, and through which gateway: pure. The sender stays in the list, for their other devices. */
import type { UserId } from "../shared/domain/ids.ts";

/**
 * Groups members by the gateways that hold their connections; a user on two gateways is named on both, an
 * offline one on none. Order of members is kept, so that equal inputs give equal lists.
 */
export function resolveRecipients(
  members: readonly UserId[],
  serversOf: ReadonlyMap<UserId, readonly string[]>,
): ReadonlyMap<string, readonly UserId[]> {
  const byServer = new Map<string, UserId[]>();
  for (const userId of members) {
    for (const serverId of serversOf.get(userId) ?? []) {
      const users = byServer.get(serverId);
      if (users === undefined) byServer.set(serverId, [userId]);
      else users.push(userId);
    }
  }
  return byServer;
}
