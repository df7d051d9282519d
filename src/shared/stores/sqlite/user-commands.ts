/** Users. They are created by a login (`otp-commands.ts`) or in bulk by a tool. */
import type { Database } from "bun:sqlite";
import { TriplaneError } from "../../domain/errors.ts";
import type { UserId } from "../../domain/ids.ts";
import type { User } from "../user-store.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";
import { isTombstonePhone } from "./tombstone.ts";

interface UserRow {
  user_id: string;
  phone_number: string;
  display_name: string | null;
  created_at_ms: number;
  updated_at_ms: number;
}

const columns = "user_id, phone_number, display_name, created_at_ms, updated_at_ms";

const statements = perDatabase((db) => ({
  byId: db.query<UserRow, [string]>(`SELECT ${columns} FROM users WHERE user_id = ?`),
  byPhone: db.query<UserRow, [string]>(`SELECT ${columns} FROM users WHERE phone_number = ?`),
  setDisplayName: db.query<UserRow, [string, string, number]>(
    `UPDATE users SET display_name = ?2, updated_at_ms = max(updated_at_ms, ?3)
     WHERE user_id = ?1 AND phone_number <> 'deleted:' || user_id RETURNING ${columns}`,
  ),
  insert: db.query(
    `INSERT INTO users (${columns}) VALUES (?, ?, ?, ?, ?) ON CONFLICT (phone_number) DO NOTHING`,
  ),
}));

export const readUsers = defineCommand<readonly UserId[], (User | undefined)[]>({
  name: "user.get",
  kind: "lookup",
  run: (db, userIds) => {
    const { byId } = statements(db);
    return userIds.map((userId) => userOf(byId.get(userId)));
  },
});

export const findUsersByPhone = defineCommand<readonly string[], (User | undefined)[]>({
  name: "user.find_by_phone",
  kind: "read",
  run: (db, phoneNumbers) => {
    const { byPhone } = statements(db);
    return phoneNumbers.map((phoneNumber) => userOf(byPhone.get(phoneNumber)));
  },
});

export const setDisplayName = defineCommand<
  { userId: UserId; displayName: string; nowMs: number },
  User | undefined
>({
  name: "user.set_display_name",
  kind: "write",
  run: (db, { userId, displayName, nowMs }) =>
    userOf(statements(db).setDisplayName.get(userId, displayName, nowMs)),
});

export const createUsers = defineCommand<readonly User[], void>({
  name: "user.create",
  kind: "write",
  run: (db, users) => {
    for (const user of users) {
      if (insertUser(db, user)) continue;
      const lastDigits = user.phoneNumber.slice(-4);
      throw new TriplaneError("CONFLICT", `a phone number ending in ${lastDigits} is registered already`);
    }
  },
});

export const userCommands: readonly AnyCommand[] = [readUsers, findUsersByPhone, setDisplayName, createUsers];

/** @returns false when the phone number is registered: nothing is written then. */
export function insertUser(db: Database, user: User): boolean {
  const { userId, phoneNumber, displayName, createdAtMs, updatedAtMs } = user;
  const { insert } = statements(db);
  return insert.run(userId, phoneNumber, displayName, createdAtMs, updatedAtMs).changes > 0;
}

function userOf(row: UserRow | null): User | undefined {
  if (row === null) return undefined;
  return {
    userId: row.user_id as UserId,
    phoneNumber: isTombstonePhone(row.phone_number) ? "" : row.phone_number,
    displayName: row.display_name,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}
