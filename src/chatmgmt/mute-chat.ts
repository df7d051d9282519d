/** Use cases: silences a chat for the caller alone, and undoes it. A setting of the membership: no event. */

import { mutedForever } from "../shared/domain/chat.ts";
import { isoTime } from "../shared/domain/clock.ts";
import type { MuteChatRequest, UnmuteChatRequest } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { CallerContext } from "./caller-context.ts";
import { notAMember, requireMembership } from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "audit" | "clock">;

export interface Muted {
  readonly chatId: string;
  readonly mutedUntil: string | undefined;
}

const hourMs = 3600 * 1000;

/** Without a duration: for ever. @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER */
export async function muteChat(deps: Deps, request: MuteChatRequest, context: CallerContext): Promise<Muted> {
  const { durationHours } = request;
  const until =
    durationHours === undefined ? mutedForever : isoTime(deps.clock.nowMs() + durationHours * hourMs);
  return await setMute(deps, request.chatId, until, context);
}

/** @throws {TriplaneError} NOT_FOUND, NOT_A_MEMBER */
export async function unmuteChat(
  deps: Deps,
  request: UnmuteChatRequest,
  context: CallerContext,
): Promise<Muted> {
  return await setMute(deps, request.chatId, null, context);
}

async function setMute(
  deps: Deps,
  rawChatId: string,
  mutedUntil: string | null,
  context: CallerContext,
): Promise<Muted> {
  const { chatId, userId } = await requireMembership(deps, rawChatId, context);
  const membership = await deps.chats.setMutedUntil(chatId, userId, mutedUntil);
  if (membership === undefined) throw notAMember(deps, chatId, context);
  return { chatId, mutedUntil: membership.mutedUntil ?? undefined };
}
