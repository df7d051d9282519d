/** Use cases: the user's own sessions. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseSessionId } from "../shared/domain/ids.ts";
import type {
  DeleteSessionRequest,
  DeleteSessionsRequest,
  ListSessionsResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { Caller, RequestInfo } from "../shared/rpc/request-info.ts";
import type { Session } from "../shared/stores/session-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import { callerId } from "./caller-id.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { revokeSessions, revokeTokens } from "./revoke-sessions.ts";
import { sessionFields } from "./session-fields.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "sessions" | "revocation" | "audit" | "logger" | "metrics" | "clock" | "random"
>;

/** The oldest first; never an expired one. */
export async function listSessions(
  deps: Deps,
  caller: Caller,
): Promise<MessageInitShape<typeof ListSessionsResponseSchema>> {
  const sessions = await liveSessions(deps, caller);
  return {
    items: sessions.map((session) => ({
      ...sessionFields(session),
      lastActiveAt: isoTime(session.lastActiveAtMs),
      isCurrent: session.sessionId === caller.sessionId,
    })),
  };
}

/** Own sessions only, the current one too. @throws {TriplaneError} NOT_FOUND, SERVICE_UNAVAILABLE */
export async function deleteSession(
  deps: Deps,
  request: DeleteSessionRequest,
  caller: Caller,
  info: RequestInfo,
): Promise<Record<never, never>> {
  const sessionId = parseSessionId(request.sessionId);
  const session = sessionId === undefined ? undefined : await deps.sessions.getSession(sessionId);
  if (session?.userId !== caller.userId || session.expiresAtMs <= deps.clock.nowMs()) {
    throw new TriplaneError("NOT_FOUND", "There is no such session");
  }
  await end(deps, [session], caller, info);
  return {};
}

/** All others, or all. @throws {TriplaneError} SERVICE_UNAVAILABLE, with every session still there */
export async function deleteSessions(
  deps: Deps,
  request: DeleteSessionsRequest,
  caller: Caller,
  info: RequestInfo,
): Promise<{ readonly revokedCount: number }> {
  const includeCurrent = request.includeCurrent ?? false;
  const sessions = (await liveSessions(deps, caller)).filter(
    (session) => includeCurrent || session.sessionId !== caller.sessionId,
  );
  await end(deps, sessions, caller, info);
  return { revokedCount: sessions.length };
}

async function end(
  deps: Deps,
  sessions: readonly Session[],
  caller: Caller,
  info: RequestInfo,
): Promise<void> {
  if (sessions.some((session) => session.sessionId === caller.sessionId)) {
    await revokeTokens(deps, [{ jti: caller.tokenId, exp: Math.floor(caller.expiresAtMs / 1000) }]);
  }
  await revokeSessions(deps, callerId(caller), sessions, "user_request");
  for (const session of sessions) {
    deps.audit.record({
      type: "session.revoked",
      outcome: "success",
      reason: "user_request",
      actor: { ...auditActor(info), deviceId: session.deviceId },
      target: { type: "session", resourceId: session.sessionId },
      ...auditContext(info),
      details: {},
    });
  }
}

async function liveSessions(deps: Deps, caller: Caller): Promise<readonly Session[]> {
  const nowMs = deps.clock.nowMs();
  const sessions = await deps.sessions.listSessions(callerId(caller));
  return sessions.filter((session) => session.expiresAtMs > nowMs);
}
