/** Use case: renames a group. No event: member lists do not change. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { UpdateChatRequest, UpdateChatResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { CallerContext } from "./caller-context.ts";
import { directChatRefused, requireGroup, requireMembership, requireRole } from "./chat-access.ts";
import { chatFields } from "./chat-fields.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { fieldRefused } from "./field-refused.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "audit" | "clock">;

/** @throws {TriplaneError} VALIDATION_ERROR, NOT_FOUND, NOT_A_MEMBER, INVALID_OPERATION, FORBIDDEN */
export async function updateChat(
  deps: Deps,
  request: UpdateChatRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof UpdateChatResponseSchema>> {
  const { name } = request;
  if (name === undefined) throw fieldRefused("name", "REQUIRED", "Nothing to change: name is missing");
  const membership = await requireMembership(deps, request.chatId, context);
  await requireGroup(deps, membership);
  requireRole(deps, membership, "rename", context);
  const chat = await deps.chats.rename(membership.chatId, name, deps.clock.nowMs());
  if (chat === undefined) throw directChatRefused();
  return { ...chatFields(chat, chat.updatedAtMs), createdBy: chat.createdBy };
}
