/**
 * The one error taxonomy. Every refusal of every plane is one of these codes; each edge maps them by a total
 * table (`protocol/error-codes.ts` for the socket, `http/error-edge.ts` for REST, `rpc/error-edge.ts` for
 * Connect). A programmer's mistake is not in here: it is an assertion and crashes the request as INTERNAL_ERROR.
 */
export const errorCodes = [
  "INVALID_MESSAGE",
  "MESSAGE_TOO_LARGE",
  "INVALID_CONTENT_TYPE",
  "INVALID_ENCODING",
  "INVALID_CONTENT",
  "BAD_REQUEST",
  "VALIDATION_ERROR",
  "INVALID_OPERATION",
  "CHAT_FULL",
  "UNAUTHORIZED",
  "INVALID_OTP",
  "INVALID_REFRESH_TOKEN",
  "DEVICE_MISMATCH",
  "FORBIDDEN",
  "NOT_A_MEMBER",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "USER_NOT_FOUND",
  "CHAT_NOT_FOUND",
  "CONFLICT",
  "ALREADY_A_MEMBER",
  "IDEMPOTENCY_KEY_REUSED",
  "PAYLOAD_TOO_LARGE",
  "UNPROCESSABLE_ENTITY",
  "INVALID_SEQUENCE",
  "RATE_LIMITED",
  "SERVER_BUSY",
  "SLOW_CONSUMER",
  "SERVICE_UNAVAILABLE",
  "INTERNAL_ERROR",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** One wrong field of a request. */
export interface FieldError {
  readonly field: string;
  readonly code: "REQUIRED" | "MIN_LENGTH" | "TOO_LONG" | "INVALID_FORMAT" | "INVALID_VALUE" | "TOO_MANY";
  readonly message: string;
}

/** A refusal that a caller can understand. `message` and `details` may be shown to anyone; `cause` is for the log only. */
export class TriplaneError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { details?: Readonly<Record<string, unknown>>; cause?: unknown },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TriplaneError";
    this.code = code;
    this.details = options?.details;
  }
}

/** Folds anything thrown into the taxonomy; what is not ours becomes INTERNAL_ERROR with a generic text. */
export function toTriplaneError(thrown: unknown): TriplaneError {
  if (thrown instanceof TriplaneError) return thrown;
  return new TriplaneError("INTERNAL_ERROR", "Something went wrong on our side", { cause: thrown });
}
