/** The security record as one JSON object per event, level SECURITY; unknown values are null, not absent. */
import { type Clock, isoTime } from "../domain/clock.ts";
import type { Ids } from "../domain/ids.ts";
import type { Audit, AuditEvent } from "./audit.ts";

export interface LogAuditOptions {
  readonly source: { readonly service: string; readonly instance: string; readonly version: string };
  readonly clock: Clock;
  readonly ids: Pick<Ids, "eventId">;
  /** Writes the object as one line. */
  readonly write: (record: Readonly<Record<string, unknown>>) => void;
}

export class LogAudit implements Audit {
  readonly #options: LogAuditOptions;

  constructor(options: LogAuditOptions) {
    this.#options = options;
  }

  record(event: AuditEvent): void {
    const { source, clock, ids, write } = this.#options;
    write({
      timestamp: isoTime(clock.nowMs()),
      level: "SECURITY",
      event_type: event.type,
      event_id: ids.eventId(),
      trace_id: event.traceId,
      source,
      actor: {
        type: event.actor.type,
        user_id: event.actor.userId,
        ip_address: event.actor.ipAddress,
        user_agent: event.actor.userAgent,
        device_id: event.actor.deviceId,
      },
      target: {
        type: event.target.type,
        resource_id: event.target.resourceId,
        phone_number_hash: event.target.type === "phone" ? event.target.resourceId : null,
      },
      action: { outcome: event.outcome, reason: event.reason, details: event.details },
      context: { session_id: event.sessionId, request_id: event.requestId, geo: null },
    });
  }
}
