/**
 * Errors at the RPC edge, both ways. The exact code of ours travels in the header `x-error-code` and, with the
 * details, in a `google.protobuf.Struct` detail; the Connect code is what foreign clients act on.
 */
import { fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type ErrorCode, errorCodes, TriplaneError, toTriplaneError } from "../domain/errors.ts";

export const errorCodeHeader = "x-error-code";

/** The Connect code of every code of ours. */
export const connectCodes = {
  INVALID_MESSAGE: Code.InvalidArgument,
  MESSAGE_TOO_LARGE: Code.InvalidArgument,
  INVALID_CONTENT_TYPE: Code.InvalidArgument,
  INVALID_ENCODING: Code.InvalidArgument,
  INVALID_CONTENT: Code.InvalidArgument,
  BAD_REQUEST: Code.InvalidArgument,
  VALIDATION_ERROR: Code.InvalidArgument,
  INVALID_OPERATION: Code.FailedPrecondition,
  CHAT_FULL: Code.FailedPrecondition,
  UNAUTHORIZED: Code.Unauthenticated,
  INVALID_OTP: Code.Unauthenticated,
  INVALID_REFRESH_TOKEN: Code.Unauthenticated,
  DEVICE_MISMATCH: Code.Unauthenticated,
  FORBIDDEN: Code.PermissionDenied,
  NOT_A_MEMBER: Code.PermissionDenied,
  NOT_FOUND: Code.NotFound,
  METHOD_NOT_ALLOWED: Code.Unimplemented,
  USER_NOT_FOUND: Code.NotFound,
  CHAT_NOT_FOUND: Code.NotFound,
  CONFLICT: Code.Aborted,
  ALREADY_A_MEMBER: Code.AlreadyExists,
  IDEMPOTENCY_KEY_REUSED: Code.AlreadyExists,
  PAYLOAD_TOO_LARGE: Code.ResourceExhausted,
  UNPROCESSABLE_ENTITY: Code.FailedPrecondition,
  INVALID_SEQUENCE: Code.OutOfRange,
  RATE_LIMITED: Code.ResourceExhausted,
  SERVER_BUSY: Code.Unavailable,
  SLOW_CONSUMER: Code.ResourceExhausted,
  SERVICE_UNAVAILABLE: Code.Unavailable,
  INTERNAL_ERROR: Code.Internal,
} as const satisfies Record<ErrorCode, Code>;

/** What a Connect error without our header means to us: made by a peer's runtime or by the transport. */
const foreignCodes = {
  [Code.Canceled]: "SERVICE_UNAVAILABLE",
  [Code.Unknown]: "INTERNAL_ERROR",
  [Code.InvalidArgument]: "BAD_REQUEST",
  [Code.DeadlineExceeded]: "SERVICE_UNAVAILABLE",
  [Code.NotFound]: "NOT_FOUND",
  [Code.AlreadyExists]: "CONFLICT",
  [Code.PermissionDenied]: "FORBIDDEN",
  // Ours always carries the header; a runtime says it of a message above its size limit.
  [Code.ResourceExhausted]: "PAYLOAD_TOO_LARGE",
  [Code.FailedPrecondition]: "INVALID_OPERATION",
  [Code.Aborted]: "CONFLICT",
  [Code.OutOfRange]: "VALIDATION_ERROR",
  [Code.Unimplemented]: "INTERNAL_ERROR",
  [Code.Internal]: "INTERNAL_ERROR",
  [Code.Unavailable]: "SERVICE_UNAVAILABLE",
  [Code.DataLoss]: "INTERNAL_ERROR",
  [Code.Unauthenticated]: "UNAUTHORIZED",
} as const satisfies Record<Code, ErrorCode>;

const knownCodes: ReadonlySet<string> = new Set(errorCodes);

/** The refusal as it goes over the wire; `cause` stays here, for the log. */
export function toConnectError(error: TriplaneError, code: Code = connectCodes[error.code]): ConnectError {
  const details = error.code === "INTERNAL_ERROR" ? undefined : error.details;
  const value: JsonObject = { code: error.code };
  if (details !== undefined) value["details"] = plainJson(details);
  return new ConnectError(
    error.message,
    code,
    { [errorCodeHeader]: error.code },
    [{ desc: StructSchema, value: fromJson(StructSchema, value) }],
    error,
  );
}

/** The refusal that a peer sent, with its exact code and details; without them, by the Connect code. */
export function fromConnectError(error: ConnectError): TriplaneError {
  const detail = readDetail(error);
  const named = error.metadata.get(errorCodeHeader) ?? detail?.["code"];
  const options = { cause: error };
  if (typeof named !== "string" || !knownCodes.has(named)) {
    const code = foreignCodes[error.code];
    const generic = code === "INTERNAL_ERROR" || code === "SERVICE_UNAVAILABLE";
    const message = generic ? genericMessages[code] : error.rawMessage;
    return new TriplaneError(code, message, options);
  }
  const details = detail?.["details"];
  return new TriplaneError(
    named as ErrorCode,
    error.rawMessage,
    isObject(details) ? { ...options, details } : options,
  );
}

function readDetail(error: ConnectError): JsonObject | undefined {
  const detail = error.findDetails(StructSchema)[0];
  const value = detail === undefined ? undefined : toJson(StructSchema, detail);
  return isObject(value) ? value : undefined;
}

const genericMessages = {
  INTERNAL_ERROR: "Something went wrong on our side",
  SERVICE_UNAVAILABLE: "The service is temporarily unavailable",
} as const;

/** Anything that a handler may throw, as one of ours. What an abort signal threw is a call out of time. */
export function normalizeError(thrown: unknown): TriplaneError {
  if (thrown instanceof ConnectError) return fromConnectError(thrown);
  if (thrown instanceof DOMException && (thrown.name === "AbortError" || thrown.name === "TimeoutError")) {
    return new TriplaneError("SERVICE_UNAVAILABLE", genericMessages.SERVICE_UNAVAILABLE, { cause: thrown });
  }
  return toTriplaneError(thrown);
}

/** Connect codes that say more to a caller than the one of our code would. */
const keptCodes: readonly Code[] = [Code.DeadlineExceeded, Code.Canceled, Code.Unimplemented];

/** Anything that a handler may throw, for the wire. */
export function normalizeConnectError(thrown: unknown): ConnectError {
  const error = normalizeError(thrown);
  const kept = thrown instanceof ConnectError && keptCodes.includes(thrown.code);
  return kept ? toConnectError(error, thrown.code) : toConnectError(error);
}

/** Server side, outermost: whatever a handler throws leaves as a Connect error that carries our code. */
export function errorInterceptor(onInternal: (error: TriplaneError, method: string) => void): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (thrown) {
      const error = normalizeError(thrown);
      if (error.code === "INTERNAL_ERROR") onInternal(error, request.method.name);
      throw normalizeConnectError(thrown);
    }
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Details are plain data by contract; this drops what JSON cannot say (undefined members). */
function plainJson(details: Readonly<Record<string, unknown>>): JsonObject {
  return JSON.parse(JSON.stringify(details)) as JsonObject;
}
