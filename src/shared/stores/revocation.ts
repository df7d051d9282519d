/**
 * Port: revoked access tokens and the news of ended sessions. Checked on every authenticated request, at the
 * handshake and every 60 s per open socket; an unreachable store means "deny".
 */
import type { SessionId, UserId } from "../domain/ids.ts";

export interface UserRevoked {
  readonly userId: UserId;
  /** Null = all sessions of the user. */
  readonly sessionIds: readonly SessionId[] | null;
  readonly reason: string;
}

export interface Revocation {
  /** Remembers token ids until they expire. Survives a restart. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  revoke(tokens: readonly { readonly jti: string; readonly expiresAtMs: number }[]): Promise<void>;
  /** In the order asked. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  areRevoked(jtis: readonly string[]): Promise<readonly boolean[]>;
  /** Tells every gateway to close the sockets of ended sessions. Best effort, after the revocation itself. */
  announce(news: UserRevoked): Promise<void>;
  /** Receives the news until the returned function is called. */
  subscribe(listener: (news: UserRevoked) => void): () => void;
  /** Deletes up to `limit` tokens that expired before `nowMs`. @returns how many. */
  expire(nowMs: number, limit: number): Promise<number>;
}
