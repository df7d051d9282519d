/** Port: presence, derived from routing and never stronger than it. Online = at least one live connection. */
import type { UserId } from "../domain/ids.ts";

export interface UserPresence {
  readonly status: "online" | "offline";
  /** Null while online and when unknown; kept for 20 s after the last connection left. */
  readonly lastSeenMs: number | null;
  readonly deviceCount: number;
}

export interface PresenceChange {
  readonly userId: UserId;
  readonly status: "online" | "offline";
  readonly timestampMs: number;
}

export interface Presence {
  /** Records the live connection count that a routing operation answered. @returns the change, if the status flipped. */
  record(userId: UserId, liveBefore: number, liveAfter: number): Promise<PresenceChange | undefined>;
  /** Extends online records to 20 s from now. */
  refresh(userIds: readonly UserId[]): Promise<void>;
  /** In the order asked. */
  get(userIds: readonly UserId[]): Promise<readonly UserPresence[]>;
}
