/**
 * Port: sessions: one per (user, device), at most five per user, 30 days absolute. Only hashes of refresh
 * tokens are stored. Readers compare `expiresAtMs` with now; deletion of expired rows is late.
 */
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";

export interface LiveToken {
  readonly jti: string;
  /** Unix seconds. */
  readonly exp: number;
}

export interface Session {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** SHA-256, lower-case hex. */
  readonly refreshTokenHash: string;
  readonly previousTokenHash: string | null;
  readonly tokenFamily: string;
  readonly tokenGeneration: number;
  /** At most 3 unexpired access tokens, newest last. */
  readonly liveTokens: readonly LiveToken[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly lastActiveAtMs: number;
}

/** New tokens for a session; the update holds only while `refreshTokenHash` is still `expectedHash`. */
export interface TokenRotation {
  readonly sessionId: SessionId;
  readonly expectedHash: string;
  readonly refreshTokenHash: string;
  /** Null on the retry path of a login, the old hash on a refresh. */
  readonly previousTokenHash: string | null;
  readonly liveTokens: readonly LiveToken[];
  readonly nowMs: number;
}

export interface SessionStore {
  /** Strong. */
  getSession(sessionId: SessionId): Promise<Session | undefined>;
  /** All sessions of a user, the oldest first; may hold expired ones. */
  listSessions(userId: UserId): Promise<readonly Session[]>;
  /** @returns false when the hash was not the expected one any more: nothing changed. Raises tokenGeneration by 1. */
  rotateTokens(rotation: TokenRotation): Promise<boolean>;
  /** Idempotent. */
  deleteSessions(sessionIds: readonly SessionId[]): Promise<void>;
  touch(sessionId: SessionId, nowMs: number): Promise<void>;
  /** Bulk creation for load tests. */
  createSessions(sessions: readonly Session[]): Promise<void>;
  /** Deletes up to `limit` sessions that expired before `nowMs`. @returns how many. */
  expire(nowMs: number, limit: number): Promise<number>;
}
