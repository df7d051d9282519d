/** Use case: the caller's chats, the most recently active first. Eventually consistent. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import type { UserId } from "../shared/domain/ids.ts";
import type {
  ChatListItemSchema,
  ListChatsRequest,
  ListChatsResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Chat, Membership } from "../shared/stores/chat-store.ts";
import type { StoredMessage } from "../shared/stores/message-store.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import { chatFields, membershipFields } from "./chat-fields.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";
import { fieldRefused } from "./field-refused.ts";
import { descending, keysetPage } from "./keyset-page.ts";
import { pageLimit } from "./page-limit.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "users" | "messages" | "deliveryStates" | "clock">;

interface ActiveChat {
  readonly chat: Chat;
  readonly membership: Membership;
  readonly last: StoredMessage | undefined;
  /** The later of the last change of the metadata and the last message. */
  readonly updatedAtMs: number;
}

const pageDefault = 20;
const pageMax = 100;
const previewCharacters = 100;

/** @throws {TriplaneError} VALIDATION_ERROR */
export async function listChats(
  deps: Deps,
  request: ListChatsRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof ListChatsResponseSchema>> {
  const since = parseSince(request.updatedSince);
  const userId = callerId(context);
  const active = (await activeChats(deps, userId)).filter((item) => item.updatedAtMs >= since);
  const keyOf = (item: ActiveChat) => ({ major: item.updatedAtMs, minor: item.chat.chatId });
  active.sort((a, b) => descending(keyOf(a), keyOf(b)));
  const page = keysetPage({
    sorted: active,
    keyOf,
    compare: descending,
    limit: pageLimit(request.limit, pageDefault, pageMax),
    cursor: request.cursor,
  });
  return {
    data: await describe(deps, userId, page.items),
    pagination: { hasMore: page.hasMore, nextCursor: page.nextCursor, prevCursor: page.prevCursor },
  };
}

function parseSince(updatedSince: string | undefined): number {
  if (updatedSince === undefined) return 0;
  const sinceMs = Date.parse(updatedSince);
  if (/^\d{4}-\d\d-\d\dT/.test(updatedSince) && Number.isFinite(sinceMs)) return sinceMs;
  throw fieldRefused("updated_since", "INVALID_FORMAT", "updated_since must be an ISO 8601 time");
}

async function activeChats(deps: Deps, userId: UserId): Promise<ActiveChat[]> {
  const memberships = await deps.chats.listMembershipsOf(userId);
  const chatIds = memberships.map((membership) => membership.chatId);
  if (chatIds.length === 0) return [];
  const [chats, latest] = await Promise.all([deps.chats.getChats(chatIds), deps.messages.latest(chatIds)]);
  return memberships.flatMap((membership, index) => {
    const chat = chats[index];
    if (chat === undefined) return [];
    const last = latest[index];
    const updatedAtMs = Math.max(chat.updatedAtMs, last?.createdAtMs ?? 0);
    return [{ chat, membership, last, updatedAtMs }];
  });
}

async function describe(
  deps: Deps,
  userId: UserId,
  items: readonly ActiveChat[],
): Promise<MessageInitShape<typeof ChatListItemSchema>[]> {
  if (items.length === 0) return [];
  const nowMs = deps.clock.nowMs();
  const chatIds = items.map((item) => item.chat.chatId);
  const [counters, delivered, others] = await Promise.all([
    deps.messages.counters(chatIds),
    deps.deliveryStates.get(chatIds.map((chatId) => ({ userId, chatId }))),
    Promise.all(items.map((item) => otherMemberOf(deps, userId, item.chat))),
  ]);
  const names = await displayNames(
    deps,
    others.filter((other) => other !== undefined),
  );
  return items.map((item, index) => {
    const other = others[index];
    const pending = (counters[index]?.sequence ?? 0) - (delivered[index]?.lastAckedSequence ?? 0);
    return {
      ...chatFields(item.chat, item.updatedAtMs),
      myMembership: membershipFields(item.membership, nowMs),
      otherMember: other === undefined ? undefined : { userId: other, displayName: names.get(other) },
      lastMessage: item.last === undefined ? undefined : preview(item.last),
      pendingAckCount: BigInt(Math.max(0, pending)),
    };
  });
}

async function otherMemberOf(deps: Deps, userId: UserId, chat: Chat): Promise<UserId | undefined> {
  if (chat.type !== "direct") return undefined;
  const members = await deps.chats.listMembers(chat.chatId);
  return members.find((member) => member.userId !== userId)?.userId;
}

function preview(message: StoredMessage) {
  return {
    messageId: message.messageId,
    sequence: BigInt(message.sequence),
    senderId: message.senderId,
    contentPreview: firstCharacters(message.content, previewCharacters),
    createdAt: isoTime(message.createdAtMs),
  };
}

/** Characters are code points: a pair of surrogates is never cut. */
function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : [...text.slice(0, 2 * count)].slice(0, count).join("");
}
