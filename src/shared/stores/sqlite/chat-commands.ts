/** Changes of chats and memberships: each checks its conditions and writes in one transaction. */
import type { Database } from "bun:sqlite";
import type { ChatId, UserId } from "../../domain/ids.ts";
import type {
  AddMemberOutcome,
  ChangeRoleOutcome,
  Chat,
  MemberKey,
  Membership,
  NewMember,
  RemoveMemberOutcome,
} from "../chat-store.ts";
import { createDirectChat, createGroupChat, findDirectChat } from "./chat-creation.ts";
import {
  type ChatRow,
  chatColumns,
  chatOf,
  countGroupsOf,
  type MembershipRow,
  membershipColumns,
  membershipOf,
  readChats,
  readMembers,
  readMemberships,
  readMembershipsOf,
} from "./chat-reads.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";
import { putIdempotency, requireNewIdempotencyKey } from "./rest-idempotency-commands.ts";
import { refuseTombstones } from "./tombstone.ts";

const statements = perDatabase((db) => ({
  group: db.query<ChatRow, [string]>(
    `SELECT ${chatColumns} FROM chats WHERE chat_id = ? AND chat_type = 'group'`,
  ),
  member: db.query<MembershipRow, [string, string]>(
    `SELECT ${membershipColumns} FROM chat_memberships WHERE chat_id = ? AND user_id = ?`,
  ),
  add: db.query(
    "INSERT INTO chat_memberships (chat_id, user_id, role, joined_at_ms, muted_until) VALUES (?, ?, ?, ?, NULL)",
  ),
  remove: db.query("DELETE FROM chat_memberships WHERE chat_id = ? AND user_id = ?"),
  // Times may come from clocks that disagree: the last change never moves back.
  count: db.query(
    "UPDATE chats SET member_count = member_count + ?2, updated_at_ms = max(updated_at_ms, ?3) WHERE chat_key = ?1",
  ),
  changeRole: db.query("UPDATE chat_memberships SET role = ?3 WHERE chat_id = ?1 AND user_id = ?2"),
  mute: db.query<MembershipRow, [string, string, string | null]>(
    `UPDATE chat_memberships SET muted_until = ?3 WHERE chat_id = ?1 AND user_id = ?2 RETURNING ${membershipColumns}`,
  ),
  rename: db.query<ChatRow, [string, string, number]>(
    `UPDATE chats SET name = ?2, updated_at_ms = max(updated_at_ms, ?3)
     WHERE chat_id = ?1 AND chat_type = 'group' RETURNING ${chatColumns}`,
  ),
}));

export const addMember = defineCommand<NewMember & { readonly membersMax: number }, AddMemberOutcome>({
  name: "chat.add_member",
  kind: "write",
  run: (db, { chatId, userId, role, joinedAtMs, idempotency, membersMax }) => {
    const sql = statements(db);
    requireNewIdempotencyKey(db, idempotency);
    const group = sql.group.get(chatId);
    if (group === null) return { kind: "not_a_group" };
    const existing = memberOf(db, chatId, userId);
    if (existing !== undefined) return { kind: "already_a_member", membership: existing };
    if (group.member_count >= membersMax) return { kind: "chat_full", memberCount: group.member_count };
    refuseTombstones(db, [userId]);
    sql.add.run(chatId, userId, role, joinedAtMs);
    sql.count.run(group.chat_key, 1, joinedAtMs);
    putIdempotency(db, idempotency);
    const membership: Membership = { chatId, userId, role, joinedAtMs, mutedUntil: null };
    return { kind: "added", membership, memberCount: group.member_count + 1 };
  },
});

export const removeMember = defineCommand<MemberKey & { readonly nowMs: number }, RemoveMemberOutcome>({
  name: "chat.remove_member",
  kind: "write",
  run: (db, { chatId, userId, nowMs }) => {
    const sql = statements(db);
    const group = sql.group.get(chatId);
    if (group === null) return { kind: "not_a_group" };
    const membership = memberOf(db, chatId, userId);
    if (membership === undefined) return { kind: "not_a_member" };
    if (membership.role === "owner") return { kind: "is_owner" };
    sql.remove.run(chatId, userId);
    sql.count.run(group.chat_key, -1, nowMs);
    return { kind: "removed", membership, memberCount: group.member_count - 1 };
  },
});

export const changeRole = defineCommand<MemberKey & { readonly role: "member" | "admin" }, ChangeRoleOutcome>(
  {
    name: "chat.change_role",
    kind: "write",
    run: (db, { chatId, userId, role }) => {
      const sql = statements(db);
      if (sql.group.get(chatId) === null) return { kind: "not_a_group" };
      const before = memberOf(db, chatId, userId);
      if (before === undefined) return { kind: "not_a_member" };
      if (before.role === "owner") return { kind: "is_owner" };
      sql.changeRole.run(chatId, userId, role);
      return { kind: "changed", membership: { ...before, role }, previousRole: before.role };
    },
  },
);

export const setMutedUntil = defineCommand<
  MemberKey & { readonly mutedUntil: string | null },
  Membership | undefined
>({
  name: "chat.set_muted_until",
  kind: "write",
  run: (db, { chatId, userId, mutedUntil }) => {
    const row = statements(db).mute.get(chatId, userId, mutedUntil);
    return row === null ? undefined : membershipOf(row);
  },
});

export const renameGroup = defineCommand<{ chatId: ChatId; name: string; nowMs: number }, Chat | undefined>({
  name: "chat.rename",
  kind: "write",
  run: (db, { chatId, name, nowMs }) => {
    const row = statements(db).rename.get(chatId, name, nowMs);
    return row === null ? undefined : chatOf(row);
  },
});

export const chatCommands: readonly AnyCommand[] = [
  createDirectChat,
  createGroupChat,
  findDirectChat,
  readChats,
  readMemberships,
  readMembers,
  readMembershipsOf,
  countGroupsOf,
  addMember,
  removeMember,
  changeRole,
  setMutedUntil,
  renameGroup,
];

function memberOf(db: Database, chatId: ChatId, userId: UserId): Membership | undefined {
  const row = statements(db).member.get(chatId, userId);
  return row === null ? undefined : membershipOf(row);
}
