/** Who is behind a request, in the words of the security record. */
import type { AuditActor, AuditEvent } from "../shared/auth/audit.ts";
import { parseDeviceId } from "../shared/domain/ids.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";

/** Texts from outside are cut to this before they are recorded. */
const userAgentCharactersMax = 256;

export function auditActor(info: RequestInfo): AuditActor {
  return {
    type: info.caller === undefined ? "anonymous" : "user",
    userId: info.caller?.userId ?? null,
    ipAddress: info.ip === "" ? null : info.ip,
    userAgent: info.userAgent?.slice(0, userAgentCharactersMax) ?? null,
    deviceId: parseDeviceId(info.deviceIdHeader ?? "") ?? null,
  };
}

export function auditContext(info: RequestInfo): Pick<AuditEvent, "sessionId" | "requestId" | "traceId"> {
  return {
    sessionId: info.caller?.sessionId ?? null,
    requestId: info.requestId,
    traceId: traceIdOf(info.traceparent) ?? null,
  };
}

/** The trace id of a W3C `traceparent`: 32 lower-case hex characters. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent ?? "")?.[1];
}
