/**
 * Port: the end of an account. What is left of it is a tombstone: the user's id, a name that says so and the time
 * it was created. Messages and direct chats stay under the tombstone; nothing brings the account back.
 */
import type { ChatId, UserId } from "../domain/ids.ts";
import type { Membership } from "./chat-store.ts";
import type { Session } from "./session-store.ts";

/** What everybody sees as the name of a deleted account. */
export const deletedUserName = "Deleted user";

export interface AccountDeletion {
  readonly userId: UserId;
  /** Of the account's phone number: its one-time codes go too. */
  readonly phoneHash: string;
  readonly nowMs: number;
}

export interface LeftGroup {
  readonly chatId: ChatId;
  /** What the account was in the group. */
  readonly role: Membership["role"];
  /** After leaving; 0 when nobody is left. */
  readonly memberCount: number;
  /** The new owner, where the account was the owner and somebody is left. */
  readonly successor: Membership | undefined;
}

export interface DeletedAccount {
  /** As they were when they were deleted: all of the user. */
  readonly sessions: readonly Session[];
  /** By chat id. */
  readonly left: readonly LeftGroup[];
}

export interface AccountStore {
  /**
   * Everything becomes visible together, or nothing: the profile is blanked and its phone number free for a new
   * user; all sessions, one-time codes and idempotency records are gone; the account has left its groups, each with
   * an owner as long as it has members: the oldest admin, else the oldest member (by joining time, then id).
   * Afterwards no chat can be created by or with the tombstone, and no group takes it in.
   * @returns undefined where there is no such user, or a tombstone already
   */
  deleteAccount(deletion: AccountDeletion): Promise<DeletedAccount | undefined>;
}
