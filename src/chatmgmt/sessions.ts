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
import type { Session } from "../shared/stores/session-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
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
  context: CallerContext,
): Promise<MessageInitShape<typeof ListSessionsResponseSchema>> {
  const sessions = await liveSessions(deps, context);
  const current = context.caller.sessionId;
  return {
    items: sessions.map((session) => ({
      ...sessionFields(session),
      lastActiveAt: isoTime(session.lastActiveAtMs),
      isCurrent: session.sessionId === current,
    })),
  };
}

/** Own sessions only, the current one too. @throws {TriplaneError} NOT_FOUND, SERVICE_UNAVAILABLE */
export async function deleteSession(
  deps: Deps,
  request: DeleteSessionRequest,
  context: CallerContext,
): Promise<Record<never, never>> {
  const sessionId = parseSessionId(request.sessionId);
  const session = sessionId === undefined ? undefined : await deps.sessions.getSession(sessionId);
  if (session?.userId !== context.caller.userId || session.expiresAtMs <= deps.clock.nowMs()) {
    throw new TriplaneError("NOT_FOUND", "There is no such session");
  }
  await end(deps, [session], context);
  return {};
}

/** All others, or all. @throws {TriplaneError} SERVICE_UNAVAILABLE, with every session still there */
export async function deleteSessions(
  deps: Deps,
  request: DeleteSessionsRequest,
  context: CallerContext,
): Promise<{ readonly revokedCount: number }> {
  const includeCurrent = request.includeCurrent ?? false;
  const sessions = (await liveSessions(deps, context)).filter(
    (session) => includeCurrent || session.sessionId !== context.caller.sessionId,
  );
  await end(deps, sessions, context);
  return { revokedCount: sessions.length };
}

async function end(deps: Deps, sessions: readonly Session[], context: CallerContext): Promise<void> {
  const { caller } = context;
  if (sessions.some((session) => session.sessionId === caller.sessionId)) {
    await revokeTokens(deps, [{ jti: caller.tokenId, exp: Math.floor(caller.expiresAtMs / 1000) }]);
  }
  await revokeSessions(deps, callerId(context), sessions, "user_request");
  for (const session of sessions) {
    deps.audit.record({
      type: "session.revoked",
      outcome: "success",
      reason: "user_request",
      actor: { ...auditActor(context.info), deviceId: session.deviceId },
      target: { type: "session", resourceId: session.sessionId },
      ...auditContext(context.info),
      details: {},
    });
  }
}

async function liveSessions(deps: Deps, context: CallerContext): Promise<readonly Session[]> {
  const nowMs = deps.clock.nowMs();
  const sessions = await deps.sessions.listSessions(callerId(context));
  return sessions.filter((session) => session.expiresAtMs > nowMs);
}
