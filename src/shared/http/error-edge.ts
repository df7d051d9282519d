/** Errors at the REST edge: status, public code and envelope of every code of ours. */
import type { ErrorCode, TriplaneError } from "../domain/errors.ts";

export interface HttpError {
  readonly status: number;
  /** What `error.code` says: codes of the socket have a REST counterpart, a wrong method is NOT_FOUND with 405. */
  readonly code: ErrorCode;
}

export const httpErrors = {
  INVALID_MESSAGE: { status: 400, code: "BAD_REQUEST" },
  MESSAGE_TOO_LARGE: { status: 413, code: "PAYLOAD_TOO_LARGE" },
  INVALID_CONTENT_TYPE: { status: 400, code: "BAD_REQUEST" },
  INVALID_ENCODING: { status: 400, code: "BAD_REQUEST" },
  INVALID_CONTENT: { status: 400, code: "BAD_REQUEST" },
  BAD_REQUEST: { status: 400, code: "BAD_REQUEST" },
  VALIDATION_ERROR: { status: 400, code: "VALIDATION_ERROR" },
  INVALID_OPERATION: { status: 400, code: "INVALID_OPERATION" },
  CHAT_FULL: { status: 400, code: "CHAT_FULL" },
  UNAUTHORIZED: { status: 401, code: "UNAUTHORIZED" },
  INVALID_OTP: { status: 401, code: "INVALID_OTP" },
  INVALID_REFRESH_TOKEN: { status: 401, code: "INVALID_REFRESH_TOKEN" },
  DEVICE_MISMATCH: { status: 401, code: "DEVICE_MISMATCH" },
  FORBIDDEN: { status: 403, code: "FORBIDDEN" },
  NOT_A_MEMBER: { status: 403, code: "NOT_A_MEMBER" },
  NOT_FOUND: { status: 404, code: "NOT_FOUND" },
  METHOD_NOT_ALLOWED: { status: 405, code: "NOT_FOUND" },
  USER_NOT_FOUND: { status: 404, code: "USER_NOT_FOUND" },
  CHAT_NOT_FOUND: { status: 404, code: "NOT_FOUND" },
  CONFLICT: { status: 409, code: "CONFLICT" },
  ALREADY_A_MEMBER: { status: 409, code: "ALREADY_A_MEMBER" },
  IDEMPOTENCY_KEY_REUSED: { status: 409, code: "IDEMPOTENCY_KEY_REUSED" },
  PAYLOAD_TOO_LARGE: { status: 413, code: "PAYLOAD_TOO_LARGE" },
  UNPROCESSABLE_ENTITY: { status: 422, code: "UNPROCESSABLE_ENTITY" },
  INVALID_SEQUENCE: { status: 422, code: "INVALID_SEQUENCE" },
  RATE_LIMITED: { status: 429, code: "RATE_LIMITED" },
  SERVER_BUSY: { status: 503, code: "SERVICE_UNAVAILABLE" },
  SLOW_CONSUMER: { status: 503, code: "SERVICE_UNAVAILABLE" },
  SERVICE_UNAVAILABLE: { status: 503, code: "SERVICE_UNAVAILABLE" },
  INTERNAL_ERROR: { status: 500, code: "INTERNAL_ERROR" },
} as const satisfies Record<ErrorCode, HttpError>;

export interface ErrorEnvelope {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly request_id: string;
  };
}

/** The body of a refusal. An internal error shows a generic text and no details, whatever was thrown. */
export function errorEnvelope(error: TriplaneError, requestId: string): ErrorEnvelope {
  const { code } = httpErrors[error.code];
  if (code === "INTERNAL_ERROR") {
    return { error: { code, message: "Something went wrong on our side", request_id: requestId } };
  }
  return {
    error: {
      code,
      message: error.message,
      ...(error.details === undefined ? {} : { details: error.details }),
      request_id: requestId,
    },
  };
}

/** Seconds for `Retry-After`, at least 1; undefined unless the refusal is a 429. */
export function retryAfterSeconds(error: TriplaneError): number | undefined {
  if (httpErrors[error.code].status !== 429) return undefined;
  const seconds = Number(error.details?.["retry_after_seconds"] ?? 1);
  return Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 1;
}
