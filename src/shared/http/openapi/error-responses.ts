/** The refusals of an operation: one response per status, naming every code that it can carry. */
import type { ErrorCode } from "../../domain/errors.ts";
import { Access } from "../../gen/messaging/v1/rest_pb.js";
import { httpErrors } from "../error-edge.ts";
import type { RestRoute } from "../rest-routes.ts";
import type { Schema } from "./schemas.ts";

/** What each public code means, in a line. */
export const errorMeanings: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_REQUEST: "The body is malformed or of another type.",
  VALIDATION_ERROR: "Fields are missing or wrong; `details.field_errors` names all of them.",
  INVALID_OPERATION: "Not possible for this kind of chat or target.",
  CHAT_FULL: "The group has as many members as it can.",
  UNAUTHORIZED: "`details.reason`: token_missing, token_invalid, token_expired or token_revoked.",
  INVALID_OTP: "The code is wrong, expired, unknown or used.",
  INVALID_REFRESH_TOKEN: "The refresh token is unknown, expired or used, or its session is gone.",
  DEVICE_MISMATCH: "The session belongs to another device: log in by code.",
  FORBIDDEN: "The role does not suffice; `details` has required_role and your_role.",
  NOT_A_MEMBER: "The caller is not a member of the chat.",
  NOT_FOUND: "It does not exist.",
  USER_NOT_FOUND: "A user that the body names does not exist.",
  CONFLICT: "Another request with this idempotency key is still running, or the state has changed.",
  ALREADY_A_MEMBER: "The user is a member already.",
  IDEMPOTENCY_KEY_REUSED: "The idempotency key was used with another body.",
  PAYLOAD_TOO_LARGE: "The body is larger than 64 KiB.",
  UNPROCESSABLE_ENTITY: "A cap is reached or the request makes no sense in the present state.",
  INVALID_SEQUENCE: "The watermark lies beyond the newest message.",
  RATE_LIMITED: "Too many requests; `Retry-After` says when to come back.",
  INTERNAL_ERROR: "Something went wrong on our side.",
  SERVICE_UNAVAILABLE: "Something that is needed cannot be reached; try again later.",
};

/** All codes that the operation can answer: its own and those that follow from what it takes. */
export function errorCodesOf(route: RestRoute): readonly ErrorCode[] {
  const inputs = route.pathFields.length + route.otherFields.length > 0;
  return [
    ...(route.hasBody ? (["BAD_REQUEST", "PAYLOAD_TOO_LARGE"] as const) : []),
    ...(inputs || route.rule.idempotencyKey || route.rule.deviceIdHeader
      ? (["VALIDATION_ERROR"] as const)
      : []),
    ...(route.rule.access === Access.PUBLIC ? [] : (["UNAUTHORIZED"] as const)),
    ...(route.rule.errors as ErrorCode[]),
    "RATE_LIMITED",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
  ];
}

/** By status, as references to `errorResponseComponents`. */
export function errorResponses(codes: readonly ErrorCode[]): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    grouped(codes).map(([status, group]) => [
      String(status),
      { $ref: `#/components/responses/${group.join(".")}` },
    ]),
  );
}

/** Every combination of codes that one of the operations can answer with one status. */
export function errorResponseComponents(
  operations: readonly (readonly ErrorCode[])[],
): Readonly<Record<string, Schema>> {
  const components = new Map<string, Schema>();
  for (const [status, group] of operations.flatMap(grouped)) {
    components.set(group.join("."), errorResponse(status, group));
  }
  return Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function grouped(codes: readonly ErrorCode[]): readonly (readonly [number, readonly ErrorCode[]])[] {
  const byStatus = Map.groupBy(new Set(codes), (code) => httpErrors[code].status as number);
  return [...byStatus].sort(([a], [b]) => a - b);
}

function errorResponse(status: number, codes: readonly ErrorCode[]): Schema {
  const [first] = codes;
  return {
    description: codes.map((code) => `${code}: ${errorMeanings[code] ?? ""}`).join(" "),
    headers: {
      ...commonHeaders,
      ...(status === 429 ? { "Retry-After": { $ref: "#/components/headers/Retry-After" } } : {}),
      ...(status === 401 ? { "WWW-Authenticate": { $ref: "#/components/headers/WWW-Authenticate" } } : {}),
    },
    content: {
      "application/json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Error" },
            {
              type: "object",
              properties: {
                error: { type: "object", properties: { code: { type: "string", enum: codes } } },
              },
            },
          ],
        },
        example: {
          error: { code: first, message: "…", request_id: "550e8400-e29b-41d4-a716-446655440000" },
        },
      },
    },
  };
}

const headerNames = [
  "X-Request-ID",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
] as const;

/** On every answer. */
export const commonHeaders: Readonly<Record<string, Schema>> = Object.fromEntries(
  headerNames.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

export const headerComponents: Readonly<Record<string, Schema>> = {
  "X-Request-ID": header("The request's own id when it is a canonical UUID, else a fresh one.", {
    type: "string",
    format: "uuid",
  }),
  "X-RateLimit-Limit": header("Requests allowed in a minute.", { type: "integer", minimum: 1 }),
  "X-RateLimit-Remaining": header("Requests left in this minute.", { type: "integer", minimum: 0 }),
  "X-RateLimit-Reset": header("When the window ends, in Unix seconds.", { type: "integer", minimum: 0 }),
  "Retry-After": header("Seconds until another try makes sense.", { type: "integer", minimum: 1 }),
  "WWW-Authenticate": header("The Bearer scheme (RFC 6750).", { type: "string" }),
  "X-Idempotent-Replay": header("The answer repeats an earlier one.", { type: "string", const: "true" }),
};

function header(description: string, schema: Schema): Schema {
  return { description, required: true, schema };
}

export const errorSchema: Schema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message", "request_id"],
      properties: {
        code: { type: "string", description: "What clients act on." },
        message: { type: "string", description: "For humans." },
        details: {
          type: "object",
          properties: {
            field_errors: {
              type: "array",
              items: {
                type: "object",
                required: ["field", "code", "message"],
                properties: {
                  field: { type: "string" },
                  code: {
                    type: "string",
                    enum: [
                      "REQUIRED",
                      "MIN_LENGTH",
                      "TOO_LONG",
                      "INVALID_FORMAT",
                      "INVALID_VALUE",
                      "TOO_MANY",
                    ],
                  },
                  message: { type: "string" },
                },
              },
            },
          },
          additionalProperties: true,
        },
        request_id: { type: "string", format: "uuid" },
      },
    },
  },
};
