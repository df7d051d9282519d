/** The end of an account, over all areas of the database in one transaction. */
import type { Database } from "bun:sqlite";
import type { ChatId, UserId } from "../../domain/ids.ts";
import {
  type AccountDeletion,
  type DeletedAccount,
  deletedUserName,
  type LeftGroup,
} from "../account-store.ts";
import { type MembershipRow, membershipColumns, membershipOf } from "./chat-reads.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";
import { listSessions } from "./session-commands.ts";
import { tombstonePhone } from "./tombstone.ts";

const statements = perDatabase((db) => ({
  blank: db.query(
    `UPDATE users SET phone_number = ?2, display_name = ?3, updated_at_ms = max(updated_at_ms, ?4)
     WHERE user_id = ?1 AND phone_number <> ?2`,
  ),
  groups: db.query<MembershipRow, [string]>(
    `SELECT ${membershipColumns} FROM chat_memberships m WHERE user_id = ?
       AND EXISTS (SELECT 1 FROM chats c WHERE c.chat_id = m.chat_id AND c.chat_type = 'group') ORDER BY chat_id`,
  ),
  leave: db.query("DELETE FROM chat_memberships WHERE chat_id = ? AND user_id = ?"),
  count: db.query<{ member_count: number }, [string, number]>(
    `UPDATE chats SET member_count = member_count - 1, updated_at_ms = max(updated_at_ms, ?2)
     WHERE chat_id = ?1 RETURNING member_count`,
  ),
  succeed: db.query<MembershipRow, [string]>(
    `UPDATE chat_memberships SET role = 'owner' WHERE chat_id = ?1 AND user_id = (
       SELECT user_id FROM chat_memberships WHERE chat_id = ?1
       ORDER BY role = 'admin' DESC, joined_at_ms, user_id LIMIT 1)
     RETURNING ${membershipColumns}`,
  ),
  endSessions: db.query("DELETE FROM sessions WHERE user_id = ?"),
  forgetCodes: db.query("DELETE FROM otp_requests WHERE phone_hash = ?"),
  // The keys of a user begin with "user_id#"; "$" is the character after "#".
  forgetKeys: db.query(
    "DELETE FROM rest_idempotency_keys WHERE scope_key >= ?1 || '#' AND scope_key < ?1 || '$'",
  ),
}));

export const deleteAccount = defineCommand<AccountDeletion, DeletedAccount | undefined>({
  name: "account.delete",
  kind: "write",
  run: (db, { userId, phoneHash, nowMs }) => {
    const sql = statements(db);
    if (sql.blank.run(userId, tombstonePhone(userId), deletedUserName, nowMs).changes === 0) return undefined;
    const sessions = listSessions.run(db, userId);
    sql.endSessions.run(userId);
    sql.forgetCodes.run(phoneHash);
    sql.forgetKeys.run(userId);
    return { sessions, left: sql.groups.all(userId).map((row) => leaveGroup(db, row, userId, nowMs)) };
  },
});

export const accountCommands: readonly AnyCommand[] = [deleteAccount];

function leaveGroup(db: Database, own: MembershipRow, userId: UserId, nowMs: number): LeftGroup {
  const sql = statements(db);
  sql.leave.run(own.chat_id, userId);
  const memberCount = sql.count.get(own.chat_id, nowMs)?.member_count ?? 0;
  const successor = own.role === "owner" ? sql.succeed.get(own.chat_id) : null;
  return {
    chatId: own.chat_id as ChatId,
    role: own.role,
    memberCount,
    successor: successor === null ? undefined : membershipOf(successor),
  };
}
