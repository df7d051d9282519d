/**
 * Deleted accounts in the users table: the phone number, which is never null and never twice, is replaced by a
 * value of the user's own that is no phone number.
 */
import type { Database } from "bun:sqlite";
import { TriplaneError } from "../../domain/errors.ts";
import type { UserId } from "../../domain/ids.ts";
import { perDatabase } from "./command.ts";

const prefix = "deleted:";

const statements = perDatabase((db) => ({
  tombstone: db.query<{ user_id: string }, [string, string]>(
    "SELECT user_id FROM users WHERE user_id = ? AND phone_number = ?",
  ),
}));

export function tombstonePhone(userId: string): string {
  return `${prefix}${userId}`;
}

export function isTombstonePhone(phoneNumber: string): boolean {
  return phoneNumber.startsWith(prefix);
}

/** For the writes that make somebody a member. @throws {TriplaneError} USER_NOT_FOUND: one of them is a deleted account */
export function refuseTombstones(db: Database, userIds: readonly UserId[]): void {
  const sql = statements(db);
  const gone = userIds.filter((userId) => sql.tombstone.get(userId, tombstonePhone(userId)) !== null);
  if (gone.length === 0) return;
  throw new TriplaneError("USER_NOT_FOUND", "A user named in the request does not exist", {
    details: { user_ids: gone },
  });
}
