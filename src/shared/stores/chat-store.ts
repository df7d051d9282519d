/**
 * Port: chats, their members and the index of direct chats. Written by chat management; ingest and fanout
 * read memberships.
 *
 * Guarantees: creating a chat makes its counter row, its memberships and its index entry (and the REST
 * idempotency record, if given) visible together; a direct chat exists once per unordered pair of users, for
 * ever; a group has at most 100 members and, as long as it has any, exactly one owner; every refusal leaves nothing behind.
 * All reads are strongly consistent unless they say "eventual".
 */
import type { ChatType, Role } from "../domain/chat.ts";
import type { ChatId, UserId } from "../domain/ids.ts";
import type { NewRestIdempotencyRecord } from "./rest-idempotency-store.ts";

export interface Chat {
  readonly chatId: ChatId;
  readonly type: ChatType;
  /** Null for a direct chat. */
  readonly name: string | null;
  readonly createdBy: UserId;
  readonly createdAtMs: number;
  /** Last change of the metadata; sends do not touch it. */
  readonly updatedAtMs: number;
  readonly memberCount: number;
}

export interface Membership {
  readonly chatId: ChatId;
  readonly userId: UserId;
  readonly role: Role;
  readonly joinedAtMs: number;
  /** ISO 8601; null = not muted; `mutedForever` = without an end. */
  readonly mutedUntil: string | null;
}

export interface NewDirectChat {
  readonly chatId: ChatId;
  readonly createdBy: UserId;
  readonly otherUserId: UserId;
  readonly createdAtMs: number;
  readonly idempotency: NewRestIdempotencyRecord | undefined;
}

export interface NewGroup {
  readonly chatId: ChatId;
  readonly name: string;
  readonly createdBy: UserId;
  /** The invited, without the creator: 1-99. */
  readonly memberIds: readonly UserId[];
  readonly createdAtMs: number;
  readonly idempotency: NewRestIdempotencyRecord | undefined;
}

export interface NewMember {
  readonly chatId: ChatId;
  readonly userId: UserId;
  readonly role: "member" | "admin";
  readonly joinedAtMs: number;
  readonly idempotency: NewRestIdempotencyRecord | undefined;
}

export type AddMemberOutcome =
  | { readonly kind: "added"; readonly membership: Membership; readonly memberCount: number }
  | { readonly kind: "already_a_member"; readonly membership: Membership }
  | { readonly kind: "chat_full"; readonly memberCount: number }
  /** A direct chat, or no such chat. */
  | { readonly kind: "not_a_group" };

export type RemoveMemberOutcome =
  | { readonly kind: "removed"; readonly membership: Membership; readonly memberCount: number }
  | { readonly kind: "not_a_member" }
  | { readonly kind: "is_owner" }
  | { readonly kind: "not_a_group" };

export type ChangeRoleOutcome =
  | { readonly kind: "changed"; readonly membership: Membership; readonly previousRole: Role }
  | { readonly kind: "not_a_member" }
  | { readonly kind: "is_owner" }
  | { readonly kind: "not_a_group" };

export interface MemberKey {
  readonly chatId: ChatId;
  readonly userId: UserId;
}

export interface ChatStore {
  /** Creates the chat, or returns the one that exists for this pair. */
  createDirect(chat: NewDirectChat): Promise<{ readonly created: boolean; readonly chat: Chat }>;
  /** The chat of a pair of users, in either order. */
  findDirect(userId: UserId, otherUserId: UserId): Promise<Chat | undefined>;
  /** Creates the group with all its members; the creator is its owner. */
  createGroup(chat: NewGroup): Promise<Chat>;
  getChat(chatId: ChatId): Promise<Chat | undefined>;
  /** In the order asked; eventual. */
  getChats(chatIds: readonly ChatId[]): Promise<readonly (Chat | undefined)[]>;
  /** Strong, in the order asked: the authority on every send, sync and read. */
  memberships(keys: readonly MemberKey[]): Promise<readonly (Membership | undefined)[]>;
  /** Members by joining time, then id. At most 1000. */
  listMembers(chatId: ChatId): Promise<readonly Membership[]>;
  /** All memberships of a user; eventual. At most 1000. */
  listMembershipsOf(userId: UserId): Promise<readonly Membership[]>;
  addMember(member: NewMember): Promise<AddMemberOutcome>;
  removeMember(chatId: ChatId, userId: UserId, nowMs: number): Promise<RemoveMemberOutcome>;
  /** The same role again is "changed" with previousRole equal to the role. */
  changeRole(
    chatId: ChatId,
    userId: UserId,
    role: "member" | "admin",
    nowMs: number,
  ): Promise<ChangeRoleOutcome>;
  /** @returns undefined when the user is no member. */
  setMutedUntil(chatId: ChatId, userId: UserId, mutedUntil: string | null): Promise<Membership | undefined>;
  /** Groups only. @returns undefined when there is no such group. */
  rename(chatId: ChatId, name: string, nowMs: number): Promise<Chat | undefined>;
  /** Groups this user belongs to; for the cap of 500. */
  countGroupsOf(userId: UserId): Promise<number>;
}
