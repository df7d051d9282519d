/** Why the server closes, with which RFC 6455 code (section 7.4), and whether the client may come back. */
export interface CloseRule {
  readonly code: number;
  readonly reconnectAllowed: boolean;
  readonly message: string;
}

export const closeReasons = {
  server_shutdown: { code: 1001, reconnectAllowed: true, message: "The server is going away" },
  idle_timeout: { code: 1001, reconnectAllowed: true, message: "No heartbeat for too long" },
  slow_consumer: { code: 1008, reconnectAllowed: true, message: "Messages are read too slowly" },
  token_expired: { code: 1008, reconnectAllowed: true, message: "The access token has expired" },
  session_revoked: { code: 1008, reconnectAllowed: false, message: "The session has ended" },
  duplicate_connection: {
    code: 1008,
    reconnectAllowed: false,
    message: "A newer connection of this device has taken over",
  },
  protocol_error: { code: 1008, reconnectAllowed: true, message: "Too many invalid frames" },
  rate_limited: { code: 1013, reconnectAllowed: true, message: "Limits were exceeded for too long" },
} as const satisfies Record<string, CloseRule>;

export type CloseReason = keyof typeof closeReasons;

/** Close codes beyond those of `closeReasons`. */
export const closeCodes = {
  /** The client's normal close. */
  normal: 1000,
  /** A binary frame: the protocol has text frames only. */
  unsupportedData: 1003,
  internalError: 1011,
  /** Limits, overload, a dependency lost. */
  tryAgainLater: 1013,
} as const;
