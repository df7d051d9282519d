/**
 * Checks what a client sent: the envelope, then the payload, in the order of the protocol contract (section
 * 13.2). Unknown fields are ignored, unknown types are not an error.
 */
import type { SocketErrorCode } from "./error-codes.ts";
import type { ClientFrame } from "./frames.ts";
import { protocolLimits } from "./protocol-limits.ts";
import { utf8Bytes } from "./utf8-bytes.ts";

export type ParsedClientFrame =
  | { readonly kind: "frame"; readonly frame: ClientFrame }
  | { readonly kind: "unknown_type"; readonly type: string }
  | FrameRefusal;

export interface FrameRefusal {
  readonly kind: "refused";
  readonly code: SocketErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** Echoed when the frame was a request and its id is valid. */
  readonly requestId: string | undefined;
}

const requestIdPattern = /^[0-9A-Za-z_-]{1,36}$/;
const chatIdPattern = /^chat_[0-9A-Za-z]{1,45}$/;
const uuidPattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;

/** The size of the whole frame is the caller's check: only the transport knows its bytes. */
export function parseClientFrame(text: string): ParsedClientFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse("INVALID_MESSAGE", "The frame is not JSON", undefined, {
      parse_error: error instanceof Error ? error.message.slice(0, 200) : "not JSON",
    });
  }
  if (!isObject(value)) return refuse("INVALID_MESSAGE", "The frame is not a JSON object", undefined);
  const { type, payload, request_id: rawRequestId } = value;
  const requestId = validRequestId(rawRequestId) ? rawRequestId : undefined;
  if (typeof type !== "string" || type === "") return invalidField("type", "a non-empty string", requestId);
  if (!isObject(payload)) return invalidField("payload", "an object", requestId);
  switch (type) {
    case "send_message":
      return requestId === undefined
        ? invalidField("request_id", "1 to 36 characters of 0-9, A-Z, a-z, _ and -", undefined)
        : parseSendMessage(payload, requestId);
    case "sync_request":
      return requestId === undefined
        ? invalidField("request_id", "1 to 36 characters of 0-9, A-Z, a-z, _ and -", undefined)
        : parseSyncRequest(payload, requestId);
    case "ack":
      return parseAck(payload);
    case "heartbeat":
      if (rawRequestId !== undefined && requestId === undefined) {
        return invalidField("request_id", "1 to 36 characters of 0-9, A-Z, a-z, _ and -", undefined);
      }
      return {
        kind: "frame",
        frame: { type, payload: {}, ...(requestId === undefined ? {} : { request_id: requestId }) },
      };
    case "typing_start":
    case "typing_stop":
      return isChatId(payload["chat_id"])
        ? { kind: "frame", frame: { type, payload: { chat_id: payload["chat_id"] } } }
        : invalidField("chat_id", "chat_ and 1 to 45 alphanumerics", undefined);
    default:
      return { kind: "unknown_type", type };
  }
}

function parseSendMessage(payload: Record<string, unknown>, requestId: string): ParsedClientFrame {
  const { client_message_id, chat_id, content, content_type } = payload;
  if (typeof client_message_id !== "string" || !uuidPattern.test(client_message_id)) {
    return invalidField("client_message_id", "a UUID", requestId);
  }
  if (!isChatId(chat_id)) return invalidField("chat_id", "chat_ and 1 to 45 alphanumerics", requestId);
  if (typeof content !== "string") return invalidField("content", "a string", requestId);
  const refusal = refuseContent(content, content_type, requestId);
  if (refusal !== undefined) return refusal;
  return {
    kind: "frame",
    frame: {
      type: "send_message",
      request_id: requestId,
      payload: { client_message_id, chat_id, content },
    },
  };
}

/** Size, encoding, NUL, content type, in this order; sanitizing is the durability plane's. */
function refuseContent(content: string, contentType: unknown, requestId: string): FrameRefusal | undefined {
  if (content === "") return invalidField("content", "1 to 4096 bytes", requestId);
  const max = protocolLimits.contentBytesMax;
  if (content.length * 3 > max) {
    const bytes = content.length > max ? content.length : utf8Bytes(content);
    if (bytes > max) {
      const shown = content.length > max ? utf8Bytes(content) : bytes;
      return refuse("MESSAGE_TOO_LARGE", `content is ${shown} bytes, limit ${max}`, requestId, {
        field: "content",
        max_bytes: max,
        received_bytes: shown,
      });
    }
  }
  if (!content.isWellFormed()) {
    return refuse("INVALID_ENCODING", "content holds a lone surrogate", requestId, { field: "content" });
  }
  if (content.includes("\u0000")) {
    return refuse("INVALID_CONTENT", "content holds a NUL character", requestId, { field: "content" });
  }
  if (contentType === undefined || contentType === "text/plain") return undefined;
  if (typeof contentType !== "string") return invalidField("content_type", "text/plain", requestId);
  return refuse("INVALID_CONTENT_TYPE", "content_type must be text/plain", requestId, {
    field: "content_type",
  });
}

function parseSyncRequest(payload: Record<string, unknown>, requestId: string): ParsedClientFrame {
  const { chat_id, last_acked_sequence, limit } = payload;
  if (!isChatId(chat_id)) return invalidField("chat_id", "chat_ and 1 to 45 alphanumerics", requestId);
  if (!isSequence(last_acked_sequence, 0)) {
    return invalidField("last_acked_sequence", "an integer from 0 to 2^53 - 1", requestId);
  }
  if (limit !== undefined && !isSequence(limit, 1)) {
    return invalidField("limit", "an integer from 1", requestId);
  }
  return {
    kind: "frame",
    frame: {
      type: "sync_request",
      request_id: requestId,
      payload: {
        chat_id,
        last_acked_sequence,
        limit: Math.min(limit ?? protocolLimits.syncPageDefault, protocolLimits.syncPageMax),
      },
    },
  };
}

function parseAck(payload: Record<string, unknown>): ParsedClientFrame {
  const { chat_id, last_acked_sequence } = payload;
  if (!isChatId(chat_id)) return invalidField("chat_id", "chat_ and 1 to 45 alphanumerics", undefined);
  if (!isSequence(last_acked_sequence, 1)) {
    return invalidField("last_acked_sequence", "an integer from 1 to 2^53 - 1", undefined);
  }
  return { kind: "frame", frame: { type: "ack", payload: { chat_id, last_acked_sequence } } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function validRequestId(value: unknown): value is string {
  return typeof value === "string" && requestIdPattern.test(value);
}

function isChatId(value: unknown): value is string {
  return typeof value === "string" && chatIdPattern.test(value);
}

function isSequence(value: unknown, min: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min;
}

function invalidField(field: string, expected: string, requestId: string | undefined): FrameRefusal {
  return refuse("INVALID_MESSAGE", `${field} must be ${expected}`, requestId, { field });
}

function refuse(
  code: SocketErrorCode,
  message: string,
  requestId: string | undefined,
  details?: Readonly<Record<string, unknown>>,
): FrameRefusal {
  return { kind: "refused", code, message, details, requestId };
}
