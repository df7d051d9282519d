/** A REST call that failed: the server's answer, or `NETWORK_ERROR` with status 0 when none came. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: number;
  /** The server's code, `NETWORK_ERROR`, or `INVALID_RESPONSE` for a body that is not the API's. */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** For the operator's logs; undefined when no answer came. */
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(failure: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
    readonly requestId: string | undefined;
    readonly retryAfterMs: number | undefined;
    readonly cause: unknown;
  }) {
    super(`${failure.code} (${failure.status}): ${failure.message}`, { cause: failure.cause });
    this.status = failure.status;
    this.code = failure.code;
    this.details = failure.details;
    this.requestId = failure.requestId;
    this.retryAfterMs = failure.retryAfterMs;
  }
}

/**
 * A message that will not be sent any more. `code` is the server's (`NOT_A_MEMBER`, `MESSAGE_TOO_LARGE`, ...)
 * or one of the client's: `OUTBOX_FULL`, `EXPIRED` (waited longer than the server remembers its id), `CANCELLED`,
 * `CLIENT_CLOSED` (still queued in storage: the next start sends it).
 */
export class SendError extends Error {
  override readonly name = "SendError";
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(`${code}: ${message}`);
    this.code = code;
    this.details = details;
  }
}

/** The session is over: only a new login helps. */
export class LoggedOutError extends Error {
  override readonly name = "LoggedOutError";
  /** `not_logged_in`, `logged_out`, `session_revoked`, or the code with which a token refresh was refused. */
  readonly reason: string;

  constructor(reason: string) {
    super(`logged out: ${reason}`);
    this.reason = reason;
  }
}

/** The connection is down and the client will not try again by itself (`connect` may be called again). */
export class ConnectionStoppedError extends Error {
  override readonly name = "ConnectionStoppedError";
  /** A closing reason such as `duplicate_connection`, `disconnected`, or `refused_<status>`. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the connection stopped: ${reason}`);
    this.reason = reason;
  }
}
