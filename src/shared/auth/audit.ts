/**
 * Port: the security record. Says who did what to whom with which outcome; never a phone number, a code, a
 * token or a message's text: a phone is named by its hash alone.
 */
export type AuditEventType =
  | "auth.otp_requested"
  | "auth.otp_verified"
  | "auth.otp_failed"
  | "auth.otp_delivery_failed"
  | "auth.token_refreshed"
  | "auth.refresh_token_reuse"
  | "auth.logout"
  | "session.created"
  | "session.replaced"
  | "session.revoked"
  | "session.expired"
  | "session.anomaly_detected"
  | "access.denied"
  | "access.rate_limited"
  | "access.membership_violation"
  | "abuse.spam_detected"
  | "abuse.flooding_detected"
  | "abuse.enumeration_suspected"
  | "security.rate_limited"
  | "security.integrity_violation"
  | "revocation_check_failed"
  | "impossible_travel"
  | "config.security_change"
  | "user.lookup"
  | "user.deleted";

export interface AuditActor {
  readonly type: "user" | "anonymous" | "system";
  readonly userId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly deviceId: string | null;
}

export interface AuditTarget {
  readonly type: "phone" | "session" | "chat" | "user" | "config" | "none";
  /** An id, or the hash of a phone number. */
  readonly resourceId: string | null;
}

export interface AuditEvent {
  readonly type: AuditEventType;
  readonly outcome: "success" | "failure" | "denied";
  /** A fixed word, never a text from outside. */
  readonly reason: string | null;
  readonly actor: AuditActor;
  readonly target: AuditTarget;
  readonly sessionId: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Audit {
  /** Never throws and never waits. */
  record(event: AuditEvent): void;
}
