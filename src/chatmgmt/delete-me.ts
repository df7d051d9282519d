/**
 * Use case: ends the caller's own account, for good. Nobody can use it from the first step on: tokens are revoked
 * and refresh tokens made useless before the account goes, in one transaction; sockets close after it.
 */
import { TriplaneError } from "../shared/domain/errors.ts";
import type { UserId } from "../shared/domain/ids.ts";
import type { LeftGroup } from "../shared/stores/account-store.ts";
import type { Session } from "../shared/stores/session-store.ts";
import { isDeleted } from "../shared/stores/user-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { type MembershipChangeOf, publishMembershipsChanged } from "./lifecycle-events.ts";
import { phoneHash } from "./phone-hash.ts";
import { announceAllEnded, freezeSessions, revokeTokens } from "./revoke-sessions.ts";

type Deps = Pick<
  ChatMgmtDeps,
  | "users"
  | "accounts"
  | "sessions"
  | "revocation"
  | "eventLog"
  | "audit"
  | "logger"
  | "metrics"
  | "clock"
  | "random"
  | "ids"
  | "producerId"
>;

/**
 * The phone number is free for a new account; messages and direct chats stay under the tombstone; groups pass on.
 * @throws {TriplaneError} NOT_FOUND when the account is gone; SERVICE_UNAVAILABLE, with the account still there
 */
export async function deleteMe(deps: Deps, context: CallerContext): Promise<Record<never, never>> {
  const userId = callerId(context);
  const [user] = await deps.users.getUsers([userId]);
  if (user === undefined || isDeleted(user)) throw accountGone();
  const { caller } = context;
  await revokeTokens(deps, [{ jti: caller.tokenId, exp: Math.floor(caller.expiresAtMs / 1000) }]);
  await freezeSessions(deps, await deps.sessions.listSessions(userId));
  const nowMs = deps.clock.nowMs();
  const deleted = await deps.accounts.deleteAccount({
    userId,
    phoneHash: phoneHash(user.phoneNumber),
    nowMs,
  });
  if (deleted === undefined) throw accountGone();
  await revokeLateTokens(deps, userId, deleted.sessions);
  await announceAllEnded(deps, userId, deleted.sessions.length, "account_deleted");
  deps.audit.record({
    type: "user.deleted",
    outcome: "success",
    reason: "user_request",
    actor: auditActor(context.info),
    target: { type: "user", resourceId: userId },
    ...auditContext(context.info),
    details: { sessions: deleted.sessions.length, groups: deleted.left.length },
  });
  const changes = deleted.left.flatMap((group) => changesOf(group, userId, nowMs));
  for (const { changeType } of changes) {
    deps.metrics.count("membership_mutation_total", { change_type: changeType });
  }
  await publishMembershipsChanged(deps, context.info, changes);
  return {};
}

/** A login that ran at the same time has tokens that nobody revoked yet. The account is gone: this must not fail the call. */
async function revokeLateTokens(deps: Deps, userId: UserId, sessions: readonly Session[]): Promise<void> {
  try {
    await revokeTokens(
      deps,
      sessions.flatMap((session) => session.liveTokens),
    );
  } catch (error) {
    deps.logger.error("deleted_account_tokens_not_revoked", { user_id: userId, error });
  }
}

function changesOf(group: LeftGroup, userId: UserId, changedAtMs: number): readonly MembershipChangeOf[] {
  const common = {
    chatId: group.chatId,
    changedBy: userId,
    memberCountAfter: group.memberCount,
    changedAtMs,
  };
  const left = { ...common, changeType: "removed", role: group.role, userId } as const;
  if (group.successor === undefined) return [left];
  return [left, { ...common, changeType: "role_changed", role: "owner", userId: group.successor.userId }];
}

function accountGone(): TriplaneError {
  return new TriplaneError("NOT_FOUND", "There is no such user");
}
