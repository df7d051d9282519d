/** Use cases: the caller's own watermarks. A watermark never falls and never passes the chat's counter. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { type ChatId, parseChatId, type UserId } from "../shared/domain/ids.ts";
import type {
  ListDeliveryStateRequest,
  ListDeliveryStateResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { type CallerContext, callerId } from "./caller-context.ts";
import { requireMembership } from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "messages" | "deliveryStates" | "audit" | "clock">;

export interface Watermark {
  readonly chatId: string;
  readonly userId: string;
  readonly lastAckedSequence: bigint;
  readonly updatedAt: string;
}

/** A lower or equal value changes nothing. @throws {TriplaneError} INVALID_SEQUENCE, NOT_FOUND, NOT_A_MEMBER */
export async function setDeliveryState(
  deps: Deps,
  request: { readonly chatId: string; readonly lastAckedSequence: bigint },
  context: CallerContext,
): Promise<Watermark> {
  const { chatId, userId } = await requireMembership(deps, request.chatId, context);
  const sequence = Number(request.lastAckedSequence);
  const [counter] = await deps.messages.counters([chatId]);
  const current = counter?.sequence ?? 0;
  if (sequence > current) {
    throw new TriplaneError("INVALID_SEQUENCE", `sequence is ${sequence}, the newest message is ${current}`, {
      details: { last_acked_sequence: sequence, current_sequence: current },
    });
  }
  const nowMs = deps.clock.nowMs();
  const [state] = await deps.deliveryStates.advance([{ userId, chatId, sequence, nowMs }]);
  return {
    chatId,
    userId,
    lastAckedSequence: BigInt(state?.lastAckedSequence ?? sequence),
    updatedAt: isoTime(state?.updatedAtMs ?? nowMs),
  };
}

/** Of the chats named, or of all; chats that the caller is no member of are left out. */
export async function listDeliveryState(
  deps: Deps,
  request: ListDeliveryStateRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof ListDeliveryStateResponseSchema>> {
  const userId = callerId(context);
  const chatIds = await ownChatIds(deps, userId, request.chatIds);
  if (chatIds.length === 0) return { items: [] };
  const [counters, states] = await Promise.all([
    deps.messages.counters(chatIds),
    deps.deliveryStates.get(chatIds.map((chatId) => ({ userId, chatId }))),
  ]);
  return {
    items: chatIds.map((chatId, index) => {
      const state = states[index];
      const acked = state?.lastAckedSequence ?? 0;
      const current = counters[index]?.sequence ?? 0;
      return {
        chatId,
        lastAckedSequence: BigInt(acked),
        currentSequence: BigInt(current),
        unreadCount: BigInt(Math.max(0, current - acked)),
        updatedAt: state === undefined ? undefined : isoTime(state.updatedAtMs),
      };
    }),
  };
}

async function ownChatIds(deps: Deps, userId: UserId, named: readonly string[]): Promise<readonly ChatId[]> {
  if (named.length === 0) {
    return (await deps.chats.listMembershipsOf(userId)).map((membership) => membership.chatId);
  }
  const chatIds = [...new Set(named)].map(parseChatId).filter((chatId) => chatId !== undefined);
  const memberships = await deps.chats.memberships(chatIds.map((chatId) => ({ chatId, userId })));
  return chatIds.filter((_, index) => memberships[index] !== undefined);
}
