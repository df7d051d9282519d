/** Use case: creates a direct chat (once per pair of users, for ever) or a group. */

import type { HandlerContext } from "@connectrpc/connect";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseChatId, parseUserId, type UserId } from "../shared/domain/ids.ts";
import { type CreateChatRequest, CreateChatRequestSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { markIdempotentReplay } from "../shared/rpc/request-info.ts";
import type { Chat } from "../shared/stores/chat-store.ts";
import { isDeleted } from "../shared/stores/user-store.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import { requireRoomForChat, requireRoomForGroup } from "./chat-caps.ts";
import { type ChatWithMembers, chatWithMembers } from "./chat-fields.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { fieldRefused } from "./field-refused.ts";
import { publishChatCreated } from "./lifecycle-events.ts";
import { type RecordFor, runIdempotent } from "./run-idempotent.ts";

type Deps = Pick<
  ChatMgmtDeps,
  | "chats"
  | "users"
  | "restIdempotency"
  | "eventLog"
  | "rateLimiter"
  | "logger"
  | "metrics"
  | "clock"
  | "ids"
  | "settings"
  | "producerId"
>;

interface Plan {
  readonly creator: UserId;
  readonly invited: readonly UserId[];
  /** Undefined for a direct chat. */
  readonly name: string | undefined;
}

interface Created {
  readonly chat: Chat;
  readonly replayed: boolean;
}

/**
 * An existing direct chat, and a repeated Idempotency-Key, are answered as a replay.
 * @throws {TriplaneError} VALIDATION_ERROR, USER_NOT_FOUND, CONFLICT, IDEMPOTENCY_KEY_REUSED, UNPROCESSABLE_ENTITY, RATE_LIMITED
 */
export async function createChat(
  deps: Deps,
  request: CreateChatRequest,
  context: CallerContext,
  answer: Pick<HandlerContext, "responseHeader">,
): Promise<ChatWithMembers> {
  const plan = planChat(deps, request, callerId(context));
  const { chat, replayed } = await runIdempotent(deps, {
    route: "POST /chats",
    schema: CreateChatRequestSchema,
    request,
    context,
    run: (recordFor) => create(deps, plan, context, recordFor),
    replay: async (created): Promise<Created> => {
      const chatId = parseChatId(created["chat_id"] ?? "");
      const existing = chatId === undefined ? undefined : await deps.chats.getChat(chatId);
      if (existing !== undefined) return { chat: existing, replayed: true };
      return await create(deps, plan, context, () => undefined);
    },
  });
  if (replayed) markIdempotentReplay(answer);
  return await chatWithMembers(deps, chat);
}

function planChat(deps: Deps, request: CreateChatRequest, creator: UserId): Plan {
  const isGroup = request.type === "group";
  const { memberIds } = request;
  const othersMax = isGroup ? deps.settings.limits.groups.members - 1 : 1;
  if (memberIds.length > othersMax) {
    const message = `member_ids has ${memberIds.length} users, limit ${othersMax}`;
    throw fieldRefused("member_ids", "TOO_MANY", message);
  }
  const invited = memberIds.map((raw, index) => {
    const userId = parseUserId(raw);
    if (userId === undefined) {
      throw fieldRefused(`member_ids[${index}]`, "INVALID_FORMAT", "not a user id");
    }
    return userId;
  });
  if (invited.length === 0) throw fieldRefused("member_ids", "REQUIRED", "member_ids is empty");
  if (invited.includes(creator)) {
    throw fieldRefused("member_ids", "INVALID_VALUE", "member_ids names yourself: you are a member anyway");
  }
  if (new Set(invited).size !== invited.length) {
    throw fieldRefused("member_ids", "INVALID_VALUE", "member_ids names a user twice");
  }
  if (isGroup && request.name === undefined) throw fieldRefused("name", "REQUIRED", "A group needs a name");
  return { creator, invited, name: isGroup ? request.name : undefined };
}

async function create(
  deps: Deps,
  plan: Plan,
  context: CallerContext,
  recordFor: RecordFor,
): Promise<Created> {
  const existing = await existingDirect(deps, plan);
  if (existing !== undefined) return existing;
  await requireUsers(deps, plan.invited);
  const created = await (plan.name === undefined
    ? createDirect(deps, plan, recordFor)
    : createGroup(deps, plan, plan.name, recordFor));
  if (!created.replayed) {
    deps.metrics.count("chat_created_total", { chat_type: created.chat.type });
    await publishChatCreated(deps, context.info, created.chat, plan.invited);
  }
  return created;
}

/** The chat that a pair has already is answered whatever became of the other user, and even to a user with no room for more. */
async function existingDirect(deps: Deps, plan: Plan): Promise<Created | undefined> {
  const [other] = plan.invited;
  if (plan.name !== undefined || other === undefined) return undefined;
  const chat = await deps.chats.findDirect(plan.creator, other);
  if (chat === undefined) return undefined;
  deps.metrics.count("direct_chat_dedup_total", { result: "existing" });
  return { chat, replayed: true };
}

async function createDirect(deps: Deps, plan: Plan, recordFor: RecordFor): Promise<Created> {
  await requireRoomForChat(deps, plan.creator);
  const chatId = deps.ids.chatId();
  const { created, chat } = await deps.chats.createDirect({
    chatId,
    createdBy: plan.creator,
    otherUserId: plan.invited[0] as UserId,
    createdAtMs: deps.clock.nowMs(),
    idempotency: recordFor({ chat_id: chatId }),
  });
  deps.metrics.count("direct_chat_dedup_total", { result: created ? "created" : "existing" });
  return { chat, replayed: !created };
}

async function createGroup(deps: Deps, plan: Plan, name: string, recordFor: RecordFor): Promise<Created> {
  await requireRoomForChat(deps, plan.creator);
  await requireRoomForGroup(deps, plan.creator);
  const chatId = deps.ids.chatId();
  const chat = await deps.chats.createGroup({
    chatId,
    name,
    createdBy: plan.creator,
    memberIds: plan.invited,
    createdAtMs: deps.clock.nowMs(),
    idempotency: recordFor({ chat_id: chatId }),
  });
  return { chat, replayed: false };
}

async function requireUsers(deps: Deps, userIds: readonly UserId[]): Promise<void> {
  const users = await deps.users.getUsers(userIds);
  const missing = userIds.filter((_, index) => {
    const user = users[index];
    return user === undefined || isDeleted(user);
  });
  if (missing.length === 0) return;
  throw new TriplaneError("USER_NOT_FOUND", "A user named in the request does not exist", {
    details: { user_ids: missing },
  });
}
