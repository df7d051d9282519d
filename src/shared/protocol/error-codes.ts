/** Every code that an error frame carries, and what a client does about it (the protocol contract, section 13). */
export interface ErrorCodeRule {
  /** HTTP-like status, for orientation. */
  readonly status: number;
  /** May the same request succeed when sent again? `after_refresh`: with a new token. */
  readonly retry: "never" | "backoff" | "after_delay" | "after_refresh";
}

export const socketErrorCodes = {
  INVALID_MESSAGE: { status: 400, retry: "never" },
  UNAUTHORIZED: { status: 401, retry: "after_refresh" },
  FORBIDDEN: { status: 403, retry: "never" },
  NOT_A_MEMBER: { status: 403, retry: "never" },
  NOT_FOUND: { status: 404, retry: "never" },
  MESSAGE_TOO_LARGE: { status: 413, retry: "never" },
  INVALID_CONTENT_TYPE: { status: 415, retry: "never" },
  INVALID_ENCODING: { status: 400, retry: "never" },
  INVALID_CONTENT: { status: 400, retry: "never" },
  RATE_LIMITED: { status: 429, retry: "after_delay" },
  SERVER_BUSY: { status: 503, retry: "backoff" },
  SLOW_CONSUMER: { status: 429, retry: "backoff" },
  INTERNAL_ERROR: { status: 500, retry: "backoff" },
  SERVICE_UNAVAILABLE: { status: 503, retry: "backoff" },
} as const satisfies Record<string, ErrorCodeRule>;

export type SocketErrorCode = keyof typeof socketErrorCodes;

/** A code this version does not know is treated as INTERNAL_ERROR. */
export function errorCodeRule(code: string): ErrorCodeRule {
  return Object.hasOwn(socketErrorCodes, code)
    ? socketErrorCodes[code as SocketErrorCode]
    : socketErrorCodes.INTERNAL_ERROR;
}
