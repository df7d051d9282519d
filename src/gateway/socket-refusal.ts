/** The taxonomy at the socket's edge: which error frame each code becomes. Total: a new code without a row does not compile. */
import { type ErrorCode, errorCodes } from "../shared/domain/errors.ts";
import type { SocketErrorCode } from "../shared/protocol/error-codes.ts";

export const socketCodeOf = {
  INVALID_MESSAGE: "INVALID_MESSAGE",
  MESSAGE_TOO_LARGE: "MESSAGE_TOO_LARGE",
  INVALID_CONTENT_TYPE: "INVALID_CONTENT_TYPE",
  INVALID_ENCODING: "INVALID_ENCODING",
  INVALID_CONTENT: "INVALID_CONTENT",
  BAD_REQUEST: "INVALID_MESSAGE",
  VALIDATION_ERROR: "INVALID_MESSAGE",
  INVALID_OPERATION: "FORBIDDEN",
  CHAT_FULL: "FORBIDDEN",
  UNAUTHORIZED: "UNAUTHORIZED",
  INVALID_OTP: "UNAUTHORIZED",
  INVALID_REFRESH_TOKEN: "UNAUTHORIZED",
  DEVICE_MISMATCH: "UNAUTHORIZED",
  FORBIDDEN: "FORBIDDEN",
  NOT_A_MEMBER: "NOT_A_MEMBER",
  NOT_FOUND: "NOT_FOUND",
  METHOD_NOT_ALLOWED: "INVALID_MESSAGE",
  USER_NOT_FOUND: "NOT_FOUND",
  // No existence leak: an unknown chat looks like a foreign one.
  CHAT_NOT_FOUND: "NOT_A_MEMBER",
  CONFLICT: "SERVICE_UNAVAILABLE",
  ALREADY_A_MEMBER: "INVALID_MESSAGE",
  IDEMPOTENCY_KEY_REUSED: "INVALID_MESSAGE",
  PAYLOAD_TOO_LARGE: "MESSAGE_TOO_LARGE",
  UNPROCESSABLE_ENTITY: "INVALID_MESSAGE",
  INVALID_SEQUENCE: "INVALID_MESSAGE",
  RATE_LIMITED: "RATE_LIMITED",
  SERVER_BUSY: "SERVER_BUSY",
  SLOW_CONSUMER: "SLOW_CONSUMER",
  SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
  INTERNAL_ERROR: "INTERNAL_ERROR",
} as const satisfies Record<ErrorCode, SocketErrorCode>;

const known: ReadonlySet<string> = new Set(errorCodes);

export interface SocketRefusal {
  readonly code: SocketErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
}

/** A code that is not of the taxonomy becomes INTERNAL_ERROR, whose text says nothing of our insides. */
export function socketRefusal(
  code: string,
  message: string,
  retryAfterSeconds: number | undefined,
): SocketRefusal {
  const socketCode = known.has(code) ? socketCodeOf[code as ErrorCode] : "INTERNAL_ERROR";
  return {
    code: socketCode,
    message: socketCode === "INTERNAL_ERROR" ? "Something went wrong on our side" : message,
    details: retryAfterSeconds === undefined ? undefined : { retry_after_seconds: retryAfterSeconds },
  };
}
