/** What the edge puts on the security record: refusals by rate, and checks that could not be made. */
import type { Audit, AuditActor } from "../auth/audit.ts";
import type { AnswerRecord } from "./rest-edge.ts";

/** One record for every request that a limit refused, whichever limit it was. */
export function auditRateLimited(audit: Audit, answer: AnswerRecord): void {
  if (answer.code !== "RATE_LIMITED") return;
  const actor: AuditActor = {
    type: answer.userId === undefined ? "anonymous" : "user",
    userId: answer.userId ?? null,
    ipAddress: answer.ip === "" ? null : answer.ip,
    userAgent: null,
    deviceId: null,
  };
  audit.record({
    type: "access.rate_limited",
    outcome: "denied",
    reason: "rate_limited",
    actor,
    target: { type: "none", resourceId: null },
    sessionId: null,
    requestId: answer.requestId,
    traceId: null,
    details: { method: answer.verb, route: answer.route },
  });
}

/** For the guard's warnings: a revocation that could not be looked up has denied a request. */
export function auditGuardWarning(
  audit: Audit,
  event: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (event !== "revocation_check_failed") return;
  audit.record({
    type: "revocation_check_failed",
    outcome: "denied",
    reason: "revocations_unknown",
    actor: { type: "system", userId: null, ipAddress: null, userAgent: null, deviceId: null },
    target: { type: "none", resourceId: null },
    sessionId: null,
    requestId: null,
    traceId: null,
    details: { jti: String(fields["jti"] ?? "") },
  });
}
