/** What both edges read from a request's headers, by the method's `messaging.v1.rest` option. */
import type { FieldError } from "../domain/errors.ts";
import type { Ids } from "../domain/ids.ts";
import type { RestRule } from "../gen/messaging/v1/rest_pb.js";
import { missing, wrong } from "./field-rules.ts";
import type { RequestInfo } from "./request-info.ts";

const uuidPattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;

/** @returns the client's request id when it is a canonical UUID, else a fresh one. */
export function requestIdOf(headers: Headers, ids: Pick<Ids, "uuid">): string {
  const given = headers.get("x-request-id");
  return given !== null && uuidPattern.test(given) ? given : ids.uuid();
}

/** Headers that the method needs and that are missing or malformed; they count as fields of the request. */
export function headerErrors(rule: RestRule, headers: Headers): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (rule.deviceIdHeader && !headers.has("x-device-id")) errors.push(missing("X-Device-ID"));
  const key = headers.get("idempotency-key");
  if (rule.idempotencyKey && key !== null && !uuidPattern.test(key)) {
    errors.push(wrong("Idempotency-Key", "INVALID_FORMAT", "is not a canonical UUID"));
  }
  return errors;
}

/** The call as its handler sees it. */
export function requestInfoOf(
  rule: RestRule,
  headers: Headers,
  known: Pick<RequestInfo, "requestId" | "ip" | "caller">,
): RequestInfo {
  const key = rule.idempotencyKey ? headers.get("idempotency-key") : null;
  return {
    ...known,
    userAgent: headers.get("user-agent") ?? undefined,
    deviceIdHeader: headers.get("x-device-id") ?? undefined,
    idempotencyKey: key?.toLowerCase(),
    traceparent: headers.get("traceparent") ?? undefined,
  };
}
