/** Reads of chats and memberships. */
import type { ChatType, Role } from "../../domain/chat.ts";
import type { ChatId, UserId } from "../../domain/ids.ts";
import type { Chat, Membership } from "../chat-store.ts";
import { defineCommand, perDatabase } from "./command.ts";

/** What one list may hold; a chat has at most 100 members and a user at most 1000 chats. */
const listMax = 1000;

export interface ChatRow {
  chat_key: number;
  chat_id: string;
  chat_type: ChatType;
  name: string | null;
  created_by: string;
  member_count: number;
  created_at_ms: number;
  updated_at_ms: number;
}

export interface MembershipRow {
  chat_id: string;
  user_id: string;
  role: Role;
  joined_at_ms: number;
  muted_until: string | null;
}

/** A membership without its key, as small as it can be between threads. */
export type MembershipTuple = readonly [role: Role, joinedAtMs: number, mutedUntil: string | null];

export const chatColumns =
  "chat_key, chat_id, chat_type, name, created_by, member_count, created_at_ms, updated_at_ms";
export const membershipColumns = "chat_id, user_id, role, joined_at_ms, muted_until";

const statements = perDatabase((db) => ({
  chat: db.query<ChatRow, [string]>(`SELECT ${chatColumns} FROM chats WHERE chat_id = ?`),
  membership: db.query<MembershipRow, [string, string]>(
    `SELECT ${membershipColumns} FROM chat_memberships WHERE chat_id = ? AND user_id = ?`,
  ),
  members: db.query<MembershipRow, [string]>(
    `SELECT ${membershipColumns} FROM chat_memberships WHERE chat_id = ?
     ORDER BY joined_at_ms, user_id LIMIT ${listMax}`,
  ),
  membershipsOf: db.query<MembershipRow, [string]>(
    `SELECT ${membershipColumns} FROM chat_memberships WHERE user_id = ? ORDER BY chat_id LIMIT ${listMax}`,
  ),
  groupsOf: db.query<{ count: number }, [string]>(
    `SELECT count(*) AS count FROM chat_memberships m JOIN chats c ON c.chat_id = m.chat_id
     WHERE m.user_id = ? AND c.chat_type = 'group'`,
  ),
}));

export const readChats = defineCommand<readonly ChatId[], (Chat | undefined)[]>({
  name: "chat.get",
  kind: "read",
  run: (db, chatIds) => {
    const sql = statements(db);
    return chatIds.map((chatId) => {
      const row = sql.chat.get(chatId);
      return row === null ? undefined : chatOf(row);
    });
  },
});

/** Input: chat id and user id in turn. On the path of every send, hence flat on both sides. */
export const readMemberships = defineCommand<readonly string[], (MembershipTuple | undefined)[]>({
  name: "chat.memberships",
  kind: "lookup",
  run: (db, flatKeys) => {
    const { membership } = statements(db);
    const found: (MembershipTuple | undefined)[] = [];
    for (let index = 0; index < flatKeys.length; index += 2) {
      const row = membership.get(flatKeys[index] ?? "", flatKeys[index + 1] ?? "");
      found.push(row === null ? undefined : [row.role, row.joined_at_ms, row.muted_until]);
    }
    return found;
  },
});

export const readMembers = defineCommand<ChatId, Membership[]>({
  name: "chat.members",
  kind: "lookup",
  run: (db, chatId) => statements(db).members.all(chatId).map(membershipOf),
});

export const readMembershipsOf = defineCommand<UserId, Membership[]>({
  name: "chat.memberships_of",
  kind: "read",
  run: (db, userId) => statements(db).membershipsOf.all(userId).map(membershipOf),
});

export const countGroupsOf = defineCommand<UserId, number>({
  name: "chat.count_groups_of",
  kind: "read",
  run: (db, userId) => statements(db).groupsOf.get(userId)?.count ?? 0,
});

export function chatOf(row: ChatRow): Chat {
  return {
    chatId: row.chat_id as ChatId,
    type: row.chat_type,
    name: row.name,
    createdBy: row.created_by as UserId,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    memberCount: row.member_count,
  };
}

export function membershipOf(row: MembershipRow): Membership {
  return {
    chatId: row.chat_id as ChatId,
    userId: row.user_id as UserId,
    role: row.role,
    joinedAtMs: row.joined_at_ms,
    mutedUntil: row.muted_until,
  };
}
