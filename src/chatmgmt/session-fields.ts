import { isoTime } from "../shared/domain/clock.ts";
import type { Session } from "../shared/stores/session-store.ts";

export interface SessionFields {
  readonly sessionId: string;
  readonly deviceId: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** A session as clients see it. */
export function sessionFields(session: Session): SessionFields {
  return {
    sessionId: session.sessionId,
    deviceId: session.deviceId,
    createdAt: isoTime(session.createdAtMs),
    expiresAt: isoTime(session.expiresAtMs),
  };
}
