/** Use case: the owner makes a member an admin, or an admin a member. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId } from "../shared/domain/ids.ts";
import type { ChangeRoleRequest, ChangeRoleResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { ChangeRoleOutcome } from "../shared/stores/chat-store.ts";
import type { CallerContext } from "./caller-context.ts";
import {
  directChatRefused,
  ownerRefused,
  requireGroup,
  requireMembership,
  requireRole,
  targetNotFound,
} from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";
import { publishMembershipChanged } from "./lifecycle-events.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "chats" | "users" | "eventLog" | "audit" | "logger" | "metrics" | "clock" | "ids" | "producerId"
>;

/** The role that somebody has already is no change and no event. @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER, INVALID_OPERATION, FORBIDDEN */
export async function changeRole(
  deps: Deps,
  request: ChangeRoleRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof ChangeRoleResponseSchema>> {
  const own = await requireMembership(deps, request.chatId, context);
  const chat = await requireGroup(deps, own);
  requireRole(deps, own, "change_role", context);
  if (request.userId === own.userId) {
    throw new TriplaneError("INVALID_OPERATION", "You cannot change your own role");
  }
  const userId = parseUserId(request.userId);
  if (userId === undefined) throw targetNotFound();
  const role = request.role === "admin" ? "admin" : "member";
  const nowMs = deps.clock.nowMs();
  const { membership, previousRole } = requireChanged(
    await deps.chats.changeRole(own.chatId, userId, role, nowMs),
  );
  if (previousRole !== role) {
    deps.metrics.count("membership_mutation_total", { change_type: "role_changed" });
    await publishMembershipChanged(deps, context.info, own, {
      changeType: "role_changed",
      role,
      userId,
      changedBy: own.userId,
      memberCountAfter: chat.memberCount,
      changedAtMs: nowMs,
    });
  }
  const names = await displayNames(deps, [userId]);
  return {
    chatId: membership.chatId,
    userId,
    role: membership.role,
    displayName: names.get(userId),
    joinedAt: isoTime(membership.joinedAtMs),
    updatedBy: own.userId,
  };
}

function requireChanged(outcome: ChangeRoleOutcome) {
  switch (outcome.kind) {
    case "changed":
      return outcome;
    case "not_a_member":
      throw targetNotFound();
    case "is_owner":
      throw ownerRefused();
    case "not_a_group":
      throw directChatRefused();
  }
}
