/** Use case: adds a user to a group. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId, type UserId } from "../shared/domain/ids.ts";
import {
  type AddMemberRequest,
  AddMemberRequestSchema,
  type AddMemberResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { markIdempotentReplay } from "../shared/rpc/request-info.ts";
import type { AddMemberOutcome, Membership } from "../shared/stores/chat-store.ts";
import { isDeleted } from "../shared/stores/user-store.ts";
import type { CallerContext } from "./caller-context.ts";
import {
  directChatRefused,
  requireGroup,
  requireMembership,
  requireRole,
  requireTarget,
} from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";
import { publishMembershipChanged } from "./lifecycle-events.ts";
import { type RecordFor, runIdempotent } from "./run-idempotent.ts";

type Deps = Pick<
  ChatMgmtDeps,
  | "chats"
  | "users"
  | "restIdempotency"
  | "eventLog"
  | "audit"
  | "logger"
  | "metrics"
  | "clock"
  | "ids"
  | "settings"
  | "producerId"
>;

interface Added {
  readonly membership: Membership;
  readonly replayed: boolean;
}

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER, INVALID_OPERATION, FORBIDDEN, USER_NOT_FOUND, ALREADY_A_MEMBER, CHAT_FULL, CONFLICT, IDEMPOTENCY_KEY_REUSED */
export async function addMember(
  deps: Deps,
  request: AddMemberRequest,
  context: CallerContext,
  answer: Pick<HandlerContext, "responseHeader">,
): Promise<MessageInitShape<typeof AddMemberResponseSchema>> {
  const own = await requireMembership(deps, request.chatId, context);
  const { membership, replayed } = await runIdempotent(deps, {
    route: "POST /chats/{chat_id}/members",
    schema: AddMemberRequestSchema,
    request,
    context,
    run: (recordFor) => add(deps, request, own, context, recordFor),
    replay: async (created): Promise<Added> => {
      const target = await requireTarget(deps, own.chatId, parseUserId(created["user_id"] ?? ""));
      return { membership: target, replayed: true };
    },
  });
  if (replayed) markIdempotentReplay(answer);
  const names = await displayNames(deps, [membership.userId]);
  return {
    chatId: membership.chatId,
    userId: membership.userId,
    role: membership.role,
    displayName: names.get(membership.userId),
    joinedAt: isoTime(membership.joinedAtMs),
    addedBy: own.userId,
  };
}

async function add(
  deps: Deps,
  request: AddMemberRequest,
  own: Membership,
  context: CallerContext,
  recordFor: RecordFor,
): Promise<Added> {
  const role = request.role === "admin" ? "admin" : "member";
  const chat = await requireGroup(deps, own);
  requireRole(deps, own, role === "admin" ? "add_admin" : "add_member", context);
  const userId = await requireUser(deps, request.userId);
  const membersMax = deps.settings.limits.groups.members;
  if (chat.memberCount >= membersMax) {
    const [existing] = await deps.chats.memberships([{ chatId: own.chatId, userId }]);
    if (existing !== undefined) throw alreadyAMember(existing);
    throw chatFull(chat.memberCount, membersMax);
  }
  const joinedAtMs = deps.clock.nowMs();
  const outcome = await deps.chats.addMember({
    chatId: own.chatId,
    userId,
    role,
    joinedAtMs,
    idempotency: recordFor({ chat_id: own.chatId, user_id: userId }),
  });
  const { membership, memberCount } = requireAdded(outcome, membersMax);
  deps.metrics.count("membership_mutation_total", { change_type: "added" });
  await publishMembershipChanged(deps, context.info, own, {
    changeType: "added",
    role,
    userId,
    changedBy: own.userId,
    memberCountAfter: memberCount,
    changedAtMs: joinedAtMs,
  });
  return { membership, replayed: false };
}

function requireAdded(outcome: AddMemberOutcome, membersMax: number) {
  switch (outcome.kind) {
    case "added":
      return outcome;
    case "already_a_member":
      throw alreadyAMember(outcome.membership);
    case "chat_full":
      throw chatFull(outcome.memberCount, membersMax);
    case "not_a_group":
      throw directChatRefused();
  }
}

async function requireUser(deps: Deps, raw: string): Promise<UserId> {
  const userId = parseUserId(raw);
  const [user] = userId === undefined ? [undefined] : await deps.users.getUsers([userId]);
  if (user !== undefined && !isDeleted(user)) return user.userId;
  throw new TriplaneError("USER_NOT_FOUND", "A user named in the request does not exist", {
    details: { user_ids: [raw] },
  });
}

function alreadyAMember(membership: Membership): TriplaneError {
  return new TriplaneError("ALREADY_A_MEMBER", "Already a member", {
    details: {
      user_id: membership.userId,
      chat_id: membership.chatId,
      joined_at: isoTime(membership.joinedAtMs),
    },
  });
}

function chatFull(memberCount: number, membersMax: number): TriplaneError {
  return new TriplaneError("CHAT_FULL", `The group has ${memberCount} members, limit ${membersMax}`);
}
