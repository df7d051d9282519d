/** Port: the counters of chat management. Labels have few values: never an id, never a phone number. */
export interface ChatMgmtCounters {
  readonly security_auth_otp_attempts_total: Record<never, string>;
  readonly security_auth_otp_verified_total: Record<never, string>;
  readonly security_session_revocations_total: {
    readonly reason:
      | "logout"
      | "device_replaced"
      | "session_limit"
      | "refresh_reuse"
      | "user_request"
      | "impossible_travel"
      | "admin"
      | "account_deleted";
  };
  readonly security_rate_limits_total: { readonly endpoint: string; readonly limit_type: string };
  readonly security_anomalies_detected_total: { readonly anomaly_type: string };
  readonly chat_created_total: { readonly chat_type: "direct" | "group" };
  readonly direct_chat_dedup_total: { readonly result: "created" | "existing" };
  readonly membership_mutation_total: { readonly change_type: "added" | "removed" | "role_changed" };
  readonly kafka_lifecycle_publish_failures_total: { readonly event_type: string };
}

export interface ChatMgmtMetrics {
  /** Adds one. */
  count<Name extends keyof ChatMgmtCounters>(name: Name, labels: ChatMgmtCounters[Name]): void;
}

/** Counts nothing: for tools and tests that assert on behaviour alone. */
export const silentMetrics: ChatMgmtMetrics = { count: () => undefined };
