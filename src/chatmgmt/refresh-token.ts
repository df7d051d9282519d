/**
 * Use case: exchanges a refresh token for new tokens. Each refresh token works once; one that comes back after it
 * was exchanged is taken for stolen and ends the session.
 */
import { timingSafeEqual } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseSessionId } from "../shared/domain/ids.ts";
import type {
  RefreshTokenRequest,
  RefreshTokenResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Caller, RequestInfo } from "../shared/rpc/request-info.ts";
import type { Session } from "../shared/stores/session-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { CallerContext } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { requireDeviceIdHeader } from "./device-id-header.ts";
import { hashRefreshToken, mintTokens, withLiveToken } from "./mint-tokens.ts";
import { revokeSessions, revokeTokens } from "./revoke-sessions.ts";

type Deps = Pick<
  ChatMgmtDeps,
  | "sessions"
  | "revocation"
  | "accessTokens"
  | "audit"
  | "logger"
  | "metrics"
  | "clock"
  | "random"
  | "ids"
  | "settings"
>;

/**
 * @param context with the presented access token, of which everything but the expiry was verified
 * @throws {TriplaneError} INVALID_REFRESH_TOKEN, DEVICE_MISMATCH, SERVICE_UNAVAILABLE
 */
export async function refreshToken(
  deps: Deps,
  request: RefreshTokenRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof RefreshTokenResponseSchema>> {
  const { caller, info } = context;
  const deviceId = requireDeviceIdHeader(info);
  const session = await liveSession(deps, caller);
  if (session.deviceId !== deviceId) {
    throw new TriplaneError("DEVICE_MISMATCH", "The session belongs to another device, log in again");
  }
  const presentedHash = hashRefreshToken(request.refreshToken);
  if (!isSameHash(presentedHash, session.refreshTokenHash)) {
    if (isSameHash(presentedHash, session.previousTokenHash)) await endStolenSession(deps, session, info);
    throw invalidRefreshToken();
  }
  return { tokens: await rotate(deps, session, info) };
}

async function liveSession(deps: Deps, caller: Caller): Promise<Session> {
  const sessionId = parseSessionId(caller.sessionId);
  const session = sessionId === undefined ? undefined : await deps.sessions.getSession(sessionId);
  if (session?.userId !== caller.userId || session.expiresAtMs <= deps.clock.nowMs()) {
    throw invalidRefreshToken();
  }
  return session;
}

/** Mints before it changes anything: a failing signer leaves the old refresh token valid. */
async function rotate(deps: Deps, session: Session, info: RequestInfo) {
  const nowMs = deps.clock.nowMs();
  const minted = await mintTokens(deps, session.userId, session.sessionId);
  const { kept, pushedOut } = withLiveToken(session.liveTokens, minted.live, nowMs);
  await revokeTokens(deps, pushedOut);
  const rotated = await deps.sessions.rotateTokens({
    sessionId: session.sessionId,
    expectedHash: session.refreshTokenHash,
    refreshTokenHash: minted.refreshTokenHash,
    previousTokenHash: session.refreshTokenHash,
    liveTokens: kept,
    nowMs,
  });
  // Another refresh with the same token won. That alone is no theft; using the token once more is.
  if (!rotated) throw invalidRefreshToken();
  deps.audit.record({
    type: "auth.token_refreshed",
    outcome: "success",
    reason: null,
    actor: { ...auditActor(info), type: "user", userId: session.userId },
    target: { type: "session", resourceId: session.sessionId },
    ...auditContext(info),
    details: { generation: session.tokenGeneration + 1 },
  });
  return minted.tokens;
}

async function endStolenSession(deps: Deps, session: Session, info: RequestInfo): Promise<void> {
  await revokeSessions(deps, session.userId, [session], "refresh_reuse");
  deps.audit.record({
    type: "auth.refresh_token_reuse",
    outcome: "denied",
    reason: "refresh_reuse",
    actor: { ...auditActor(info), type: "user", userId: session.userId },
    target: { type: "session", resourceId: session.sessionId },
    ...auditContext(info),
    details: { generation: session.tokenGeneration },
  });
}

function isSameHash(presented: string, stored: string | null): boolean {
  if (stored === null || stored.length !== presented.length) return false;
  return timingSafeEqual(Buffer.from(presented, "utf8"), Buffer.from(stored, "utf8"));
}

function invalidRefreshToken(): TriplaneError {
  return new TriplaneError("INVALID_REFRESH_TOKEN", "The refresh token is not valid, log in again");
}
