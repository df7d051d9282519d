/**
 * May the caller do this in that chat? The checks and their order are the same everywhere: membership (strong),
 * kind of chat, role. What comes after them is about the target.
 */
import { type GroupOperation, mayDo, requiredRole } from "../shared/domain/chat.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { type ChatId, parseChatId, type UserId } from "../shared/domain/ids.ts";
import type { Chat, Membership } from "../shared/stores/chat-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

export type ChatAccessDeps = Pick<ChatMgmtDeps, "chats" | "audit">;

/** The caller's own membership. @throws {TriplaneError} NOT_FOUND no such chat, NOT_A_MEMBER */
export async function requireMembership(
  deps: ChatAccessDeps,
  rawChatId: string,
  context: CallerContext,
): Promise<Membership> {
  const chatId = parseChatId(rawChatId);
  if (chatId === undefined) throw chatNotFound();
  const userId = callerId(context);
  const [membership] = await deps.chats.memberships([{ chatId, userId }]);
  if (membership !== undefined) return membership;
  if ((await deps.chats.getChat(chatId)) === undefined) throw chatNotFound();
  throw notAMember(deps, chatId, context);
}

/** The group itself, once the membership is known. @throws {TriplaneError} INVALID_OPERATION for a direct chat */
export async function requireGroup(deps: ChatAccessDeps, membership: Membership): Promise<Chat> {
  const chat = await deps.chats.getChat(membership.chatId);
  if (chat === undefined) throw chatNotFound();
  if (chat.type !== "group") throw directChatRefused();
  return chat;
}

/** @throws {TriplaneError} FORBIDDEN, on the security record */
export function requireRole(
  deps: Pick<ChatAccessDeps, "audit">,
  membership: Membership,
  operation: GroupOperation,
  { info }: CallerContext,
): void {
  if (mayDo(membership.role, operation)) return;
  deps.audit.record({
    type: "access.denied",
    outcome: "denied",
    reason: "role",
    actor: auditActor(info),
    target: { type: "chat", resourceId: membership.chatId },
    ...auditContext(info),
    details: { operation, role: membership.role },
  });
  throw new TriplaneError("FORBIDDEN", "Your role does not allow this", {
    details: { required_role: requiredRole(operation), your_role: membership.role },
  });
}

/** The membership of somebody else in the chat. @throws {TriplaneError} NOT_FOUND */
export async function requireTarget(
  deps: ChatAccessDeps,
  chatId: ChatId,
  userId: UserId | undefined,
): Promise<Membership> {
  const [target] = userId === undefined ? [undefined] : await deps.chats.memberships([{ chatId, userId }]);
  if (target === undefined) throw targetNotFound();
  return target;
}

export function directChatRefused(): TriplaneError {
  return new TriplaneError("INVALID_OPERATION", "A direct chat cannot be changed");
}

export function ownerRefused(): TriplaneError {
  return new TriplaneError("INVALID_OPERATION", "The owner stays in the group and stays its owner");
}

export function targetNotFound(): TriplaneError {
  return new TriplaneError("NOT_FOUND", "This user is not a member of the chat");
}

function chatNotFound(): TriplaneError {
  return new TriplaneError("NOT_FOUND", "There is no such chat");
}

export function notAMember(
  deps: Pick<ChatAccessDeps, "audit">,
  chatId: ChatId,
  { info }: CallerContext,
): TriplaneError {
  deps.audit.record({
    type: "access.membership_violation",
    outcome: "denied",
    reason: "not_a_member",
    actor: auditActor(info),
    target: { type: "chat", resourceId: chatId },
    ...auditContext(info),
    details: {},
  });
  return new TriplaneError("NOT_A_MEMBER", "You are not a member of this chat");
}
