/**
 * Ends sessions in the one order that leaves no token alive: revoke their access tokens, delete them, then tell
 * the gateways. When tokens cannot be revoked nothing is deleted and the request fails.
 */
import type { UserId } from "../shared/domain/ids.ts";
import type { LiveToken, Session } from "../shared/stores/session-store.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import type { ChatMgmtCounters } from "./chatmgmt-metrics.ts";
import { hashRefreshToken, newRefreshToken } from "./mint-tokens.ts";

type Deps = Pick<ChatMgmtDeps, "sessions" | "revocation" | "clock" | "random" | "logger" | "metrics">;

export type RevocationReason = ChatMgmtCounters["security_session_revocations_total"]["reason"];

/** A refresh that keeps winning against us this often is impossible: each needs the token that the one before made. */
const freezeAttemptsMax = 5;

/** @throws {TriplaneError} SERVICE_UNAVAILABLE, with every session still there */
export async function revokeSessions(
  deps: Deps,
  userId: UserId,
  sessions: readonly Session[],
  reason: RevocationReason,
): Promise<void> {
  if (sessions.length === 0) return;
  await freezeSessions(deps, sessions);
  await deps.sessions.deleteSessions(sessions.map((session) => session.sessionId));
  await announceEnded(deps, userId, sessions, reason);
}

/**
 * Revokes every access token of the sessions and makes sure that no further one comes: a refresh that runs at the
 * same time would mint a token that nobody knows of when the session is deleted, so the session's refresh token is
 * replaced by one that nobody holds. The sessions are of no use afterwards and have to be deleted.
 * @throws {TriplaneError} SERVICE_UNAVAILABLE
 */
export async function freezeSessions(deps: Deps, sessions: readonly Session[]): Promise<void> {
  await revokeTokens(
    deps,
    sessions.flatMap((session) => session.liveTokens),
  );
  for (const session of sessions) await freezeSession(deps, session);
}

/** Tells the gateways to close the sockets. Best effort: they check on their own every minute. */
export async function announceEnded(
  deps: Deps,
  userId: UserId,
  sessions: readonly Session[],
  reason: RevocationReason,
): Promise<void> {
  for (const _ of sessions) deps.metrics.count("security_session_revocations_total", { reason });
  const sessionIds = sessions.map((session) => session.sessionId);
  await deps.revocation.announce({ userId, sessionIds, reason }).catch((error: unknown) => {
    deps.logger.warn("session_end_not_announced", { user_id: userId, session_ids: sessionIds, error });
  });
}

/** Tells the gateways to close every socket of the user. Best effort, like `announceEnded`. */
export async function announceAllEnded(
  deps: Pick<Deps, "revocation" | "logger" | "metrics">,
  userId: UserId,
  sessionCount: number,
  reason: RevocationReason,
): Promise<void> {
  for (let counted = 0; counted < sessionCount; counted += 1) {
    deps.metrics.count("security_session_revocations_total", { reason });
  }
  await deps.revocation.announce({ userId, sessionIds: null, reason }).catch((error: unknown) => {
    deps.logger.warn("session_end_not_announced", { user_id: userId, session_ids: null, error });
  });
}

/** Expired ones need no revocation. @throws {TriplaneError} SERVICE_UNAVAILABLE */
export async function revokeTokens(
  deps: Pick<Deps, "revocation" | "clock">,
  tokens: readonly LiveToken[],
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const live = tokens
    .map((token) => ({ jti: token.jti, expiresAtMs: token.exp * 1000 }))
    .filter((token) => token.expiresAtMs > nowMs);
  if (live.length > 0) await deps.revocation.revoke(live);
}

async function freezeSession(deps: Deps, read: Session): Promise<void> {
  let session: Session | undefined = read;
  for (let attempt = 0; attempt < freezeAttemptsMax && session !== undefined; attempt += 1) {
    const frozen = await deps.sessions.rotateTokens({
      sessionId: session.sessionId,
      expectedHash: session.refreshTokenHash,
      refreshTokenHash: hashRefreshToken(newRefreshToken(deps)),
      previousTokenHash: null,
      liveTokens: session.liveTokens,
      nowMs: session.lastActiveAtMs,
    });
    if (frozen) return;
    session = await deps.sessions.getSession(session.sessionId);
    if (session !== undefined) await revokeTokens(deps, session.liveTokens);
  }
}
