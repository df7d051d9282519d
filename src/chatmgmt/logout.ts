/** Use case: ends the session that the caller's token belongs to. The token's session decides, never the body. */
import { parseSessionId, parseUserId } from "../shared/domain/ids.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { CallerContext } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { revokeSessions, revokeTokens } from "./revoke-sessions.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "sessions" | "revocation" | "audit" | "logger" | "metrics" | "clock" | "random"
>;

/** A session that is gone already is fine. @throws {TriplaneError} SERVICE_UNAVAILABLE, with the session still there */
export async function logout(deps: Deps, context: CallerContext): Promise<Record<never, never>> {
  const { caller, info } = context;
  await revokeTokens(deps, [{ jti: caller.tokenId, exp: Math.floor(caller.expiresAtMs / 1000) }]);
  const sessionId = parseSessionId(caller.sessionId);
  const userId = parseUserId(caller.userId);
  const session = sessionId === undefined ? undefined : await deps.sessions.getSession(sessionId);
  if (session !== undefined && session.userId === userId) {
    await revokeSessions(deps, session.userId, [session], "logout");
  }
  deps.audit.record({
    type: "auth.logout",
    outcome: "success",
    reason: session === undefined ? "session_already_gone" : null,
    actor: auditActor(info),
    target: { type: "session", resourceId: caller.sessionId },
    ...auditContext(info),
    details: {},
  });
  return {};
}
