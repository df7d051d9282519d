/** Use case: a chat with its members, its counter and the caller's own membership. Strongly consistent. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { GetChatRequest, GetChatResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { CallerContext } from "./caller-context.ts";
import { requireMembership } from "./chat-access.ts";
import { chatWithMembers, membershipFields } from "./chat-fields.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "users" | "messages" | "deliveryStates" | "audit" | "clock">;

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER */
export async function getChat(
  deps: Deps,
  request: GetChatRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof GetChatResponseSchema>> {
  const membership = await requireMembership(deps, request.chatId, context);
  const { chatId, userId } = membership;
  const [chat, [counter], [delivered]] = await Promise.all([
    deps.chats.getChat(chatId),
    deps.messages.counters([chatId]),
    deps.deliveryStates.get([{ userId, chatId }]),
  ]);
  if (chat === undefined) throw new TriplaneError("NOT_FOUND", "There is no such chat");
  return {
    ...(await chatWithMembers(deps, chat)),
    currentSequence: BigInt(counter?.sequence ?? 0),
    myMembership: {
      ...membershipFields(membership, deps.clock.nowMs()),
      lastAckedSequence: BigInt(delivered?.lastAckedSequence ?? 0),
    },
  };
}
