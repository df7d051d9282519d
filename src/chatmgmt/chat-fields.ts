/** Chats and memberships as clients see them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { mutedForever } from "../shared/domain/chat.ts";
import { isoTime } from "../shared/domain/clock.ts";
import type { UserId } from "../shared/domain/ids.ts";
import type { CreateChatResponseSchema, MemberSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Chat, Membership } from "../shared/stores/chat-store.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";

/** @param updatedAtMs of the metadata, or of the last activity where the list says so */
export function chatFields(chat: Chat, updatedAtMs: number) {
  return {
    chatId: chat.chatId as string,
    type: chat.type as string,
    name: chat.name ?? undefined,
    createdAt: isoTime(chat.createdAtMs),
    updatedAt: isoTime(updatedAtMs),
    memberCount: chat.memberCount,
  };
}

export function membershipFields(membership: Membership, nowMs: number) {
  return {
    role: membership.role as string,
    joinedAt: isoTime(membership.joinedAtMs),
    mutedUntil: mutedUntilNow(membership.mutedUntil, nowMs),
  };
}

/** A mute that is over reads as none. */
export function mutedUntilNow(mutedUntil: string | null, nowMs: number): string | undefined {
  if (mutedUntil === null) return undefined;
  return mutedUntil === mutedForever || Date.parse(mutedUntil) > nowMs ? mutedUntil : undefined;
}

export type ChatWithMembers = Omit<
  MessageInitShape<typeof CreateChatResponseSchema>,
  "$typeName" | "$unknown"
>;

/** A chat with all its members and their names. */
export async function chatWithMembers(
  deps: Pick<ChatMgmtDeps, "chats" | "users">,
  chat: Chat,
): Promise<ChatWithMembers> {
  const members = await deps.chats.listMembers(chat.chatId);
  const names = await displayNames(
    deps,
    members.map((member) => member.userId),
  );
  return {
    ...chatFields(chat, chat.updatedAtMs),
    createdBy: chat.createdBy,
    members: members.map((member) => memberFields(member, names)),
  };
}

function memberFields(
  member: Membership,
  names: ReadonlyMap<UserId, string | undefined>,
): MessageInitShape<typeof MemberSchema> {
  return {
    userId: member.userId,
    role: member.role,
    displayName: names.get(member.userId),
    joinedAt: isoTime(member.joinedAtMs),
  };
}
