/** Use case: which current members have received a message. For indicators only: eventually consistent. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import type {
  GetDeliveryStatusRequest,
  GetDeliveryStatusResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Membership } from "../shared/stores/chat-store.ts";
import type { CallerContext } from "./caller-context.ts";
import { requireMembership } from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";
import { ascending, keysetPage } from "./keyset-page.ts";
import { pageLimit } from "./page-limit.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "messages" | "deliveryStates" | "users" | "audit">;

const pageDefault = 20;
const pageMax = 100;

/** The author counts like everybody else; no watermark counts as 0. @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER, VALIDATION_ERROR */
export async function getDeliveryStatus(
  deps: Deps,
  request: GetDeliveryStatusRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof GetDeliveryStatusResponseSchema>> {
  const { chatId } = await requireMembership(deps, request.chatId, context);
  const [chat, members, [counter]] = await Promise.all([
    deps.chats.getChat(chatId),
    deps.chats.listMembers(chatId),
    deps.messages.counters([chatId]),
  ]);
  if (chat === undefined) throw new TriplaneError("NOT_FOUND", "There is no such chat");
  const sequence = Number(request.forSequence ?? counter?.sequence ?? 0);
  const states = await deps.deliveryStates.get(members.map(({ userId }) => ({ userId, chatId })));
  const delivered = states.filter((state) => (state?.lastAckedSequence ?? 0) >= sequence).length;
  const page = keysetPage({
    sorted: members.map((member, index) => ({ member, state: states[index] })),
    keyOf: ({ member }) => keyOf(member),
    compare: ascending,
    limit: pageLimit(request.limit, pageDefault, pageMax),
    cursor: request.cursor,
  });
  const names = await displayNames(
    deps,
    page.items.map(({ member }) => member.userId),
  );
  return {
    chatId,
    chatType: chat.type,
    memberCount: members.length,
    deliverySummary: {
      sequence: BigInt(sequence),
      deliveredCount: delivered,
      pendingCount: members.length - delivered,
      allDelivered: delivered === members.length,
    },
    members: page.items.map(({ member, state }) => ({
      userId: member.userId,
      displayName: names.get(member.userId),
      lastAckedSequence: BigInt(state?.lastAckedSequence ?? 0),
      updatedAt: state === undefined ? undefined : isoTime(state.updatedAtMs),
    })),
    pagination: { hasMore: page.hasMore, nextCursor: page.nextCursor },
  };
}

function keyOf(member: Membership) {
  return { major: member.joinedAtMs, minor: member.userId };
}
