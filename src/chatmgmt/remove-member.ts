/** Use cases: takes a member out of a group, and leaving it oneself. Delivery state and messages stay. */

import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId } from "../shared/domain/ids.ts";
import type { LeaveChatRequest, RemoveMemberRequest } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Membership, RemoveMemberOutcome } from "../shared/stores/chat-store.ts";
import type { CallerContext } from "./caller-context.ts";
import {
  directChatRefused,
  notAMember,
  ownerRefused,
  requireGroup,
  requireMembership,
  requireRole,
  requireTarget,
  targetNotFound,
} from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { publishMembershipChanged } from "./lifecycle-events.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "chats" | "eventLog" | "audit" | "logger" | "metrics" | "clock" | "ids" | "producerId"
>;

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER, INVALID_OPERATION, FORBIDDEN */
export async function removeMember(
  deps: Deps,
  request: RemoveMemberRequest,
  context: CallerContext,
): Promise<Record<never, never>> {
  const own = await requireMembership(deps, request.chatId, context);
  await requireGroup(deps, own);
  requireRole(deps, own, "remove_member", context);
  if (request.userId === own.userId) {
    throw new TriplaneError("INVALID_OPERATION", "Leave the group instead of removing yourself");
  }
  const target = await requireTarget(deps, own.chatId, parseUserId(request.userId));
  if (target.role === "owner") throw ownerRefused();
  if (target.role === "admin") requireRole(deps, own, "remove_admin", context);
  await remove(deps, target, own, context, targetNotFound);
  return {};
}

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER, INVALID_OPERATION */
export async function leaveChat(
  deps: Deps,
  request: LeaveChatRequest,
  context: CallerContext,
): Promise<Record<never, never>> {
  const own = await requireMembership(deps, request.chatId, context);
  await requireGroup(deps, own);
  if (own.role === "owner") throw ownerRefused();
  await remove(deps, own, own, context, () => notAMember(deps, own.chatId, context));
  return {};
}

async function remove(
  deps: Deps,
  target: Membership,
  by: Membership,
  context: CallerContext,
  gone: () => TriplaneError,
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const outcome = await deps.chats.removeMember(target.chatId, target.userId, nowMs);
  const { membership, memberCount } = requireRemoved(outcome, gone);
  deps.metrics.count("membership_mutation_total", { change_type: "removed" });
  await publishMembershipChanged(deps, context.info, target, {
    changeType: "removed",
    role: membership.role,
    userId: target.userId,
    changedBy: by.userId,
    memberCountAfter: memberCount,
    changedAtMs: nowMs,
  });
}

function requireRemoved(outcome: RemoveMemberOutcome, gone: () => TriplaneError) {
  switch (outcome.kind) {
    case "removed":
      return outcome;
    case "not_a_member":
      throw gone();
    case "is_owner":
      throw ownerRefused();
    case "not_a_group":
      throw directChatRefused();
  }
}
