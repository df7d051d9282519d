/** Use cases: one message, and the messages around a sequence. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseMessageId } from "../shared/domain/ids.ts";
import type {
  GetMessageRequest,
  GetMessageResponseSchema,
  GetMessagesAroundRequest,
  GetMessagesAroundResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { CallerContext } from "./caller-context.ts";
import { requireMembership } from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { messageFields } from "./message-fields.ts";
import { pageLimit } from "./page-limit.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "messages" | "users" | "audit">;

const contextDefault = 25;
const contextMax = 50;

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER */
export async function getMessage(
  deps: Deps,
  request: GetMessageRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof GetMessageResponseSchema>> {
  const { chatId } = await requireMembership(deps, request.chatId, context);
  const messageId = parseMessageId(request.messageId);
  const message = messageId === undefined ? undefined : await deps.messages.findMessage(chatId, messageId);
  const [fields] = message === undefined ? [] : await messageFields(deps, [message]);
  if (fields === undefined) throw new TriplaneError("NOT_FOUND", "There is no such message in this chat");
  return fields;
}

/** Up to `context` messages on each side; beyond the newest message it is the newest ones. @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER */
export async function getMessagesAround(
  deps: Deps,
  request: GetMessagesAroundRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof GetMessagesAroundResponseSchema>> {
  const { chatId } = await requireMembership(deps, request.chatId, context);
  const target = Number(request.sequence);
  const perSide = pageLimit(request.context, contextDefault, contextMax);
  const [earlier, later] = await Promise.all([
    deps.messages.read({ chatId, after: 0, before: target, direction: "backward", limit: perSide }),
    deps.messages.read({
      chatId,
      after: target - 1,
      before: undefined,
      direction: "forward",
      limit: perSide + 1,
    }),
  ]);
  return {
    targetSequence: request.sequence,
    messages: await messageFields(deps, [...earlier.messages.toReversed(), ...later.messages]),
    hasMoreBefore: earlier.hasMore,
    hasMoreAfter: later.hasMore,
  };
}
