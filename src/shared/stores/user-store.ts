/** Port: users. A user is created by the login that verifies a new phone number (`OtpStore.consume`). */
import type { UserId } from "../domain/ids.ts";

export interface User {
  readonly userId: UserId;
  /** E.164, verified; empty for a deleted account, whose tombstone this is (`isDeleted`). */
  readonly phoneNumber: string;
  readonly displayName: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A tombstone: nobody can log in to it, call it by its number or bring it into a chat. */
export function isDeleted(user: User): boolean {
  return user.phoneNumber === "";
}

export interface UserStore {
  /** In the order asked; undefined where there is no such user. */
  getUsers(userIds: readonly UserId[]): Promise<readonly (User | undefined)[]>;
  /** In the order asked. The number and kind of store calls is the same for a hit and a miss. */
  findByPhone(phoneNumbers: readonly string[]): Promise<readonly (User | undefined)[]>;
  /** @returns undefined where there is no such user, or only its tombstone. */
  setDisplayName(userId: UserId, displayName: string, nowMs: number): Promise<User | undefined>;
  /** Bulk creation for load tests: users with sessions, in one transaction. Existing phone numbers are refused as a whole. */
  createUsers(users: readonly User[]): Promise<void>;
}
