/**
 * Every frame of protocol version 1 as data: types, bounds, patterns, examples. The AsyncAPI document is written from
 * it, and a test holds the parser to it. JSON Schema cannot count bytes: those bounds are told in words there.
 */
import { closeReasons } from "./close-codes.ts";
import { socketErrorCodes } from "./error-codes.ts";
import type { ClientFrame, ServerFrame } from "./frames.ts";
import { protocolLimits } from "./protocol-limits.ts";

export type FieldSchema =
  | {
      readonly kind: "string";
      readonly pattern: string | undefined;
      readonly format: "date-time" | "uuid" | undefined;
      readonly oneOf: readonly string[] | undefined;
      /** UTF-8. */
      readonly bytesMax: number | undefined;
      readonly bytesMin: number;
      readonly description: string;
      readonly example: string;
    }
  | {
      readonly kind: "integer";
      readonly minimum: number;
      readonly maximum: number;
      /** Values above are lowered to it instead of refused. */
      readonly loweredTo: number | undefined;
      readonly byDefault: number | undefined;
      readonly description: string;
      readonly example: number;
    }
  | { readonly kind: "boolean"; readonly description: string; readonly example: boolean }
  | { readonly kind: "list"; readonly items: Fields; readonly description: string }
  | { readonly kind: "open"; readonly description: string };

export interface Field {
  readonly schema: FieldSchema;
  readonly required: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

export interface FrameSchema {
  readonly type: string;
  readonly sentBy: "client" | "server";
  readonly summary: string;
  readonly requestId: "required" | "optional" | "ignored" | "never" | "echoed";
  readonly payload: Fields;
  /** The frame that answers, beside `error`. */
  readonly answeredBy: ServerFrame["type"] | undefined;
}

export const requestIdPattern = "^[0-9A-Za-z_-]{1,36}$";
const uuidPattern = "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$";
const ulidExample = "01HQX7Z9Y8K4M3N2P1Q0R5S6T7";
const uuidExample = "550e8400-e29b-41d4-a716-446655440000";

const required = (schema: FieldSchema): Field => ({ schema, required: true });
const optional = (schema: FieldSchema): Field => ({ schema, required: false });

function text(description: string, example: string, bounds: Partial<TextBounds> = {}): FieldSchema {
  return { kind: "string", ...anyText, ...bounds, description, example };
}

type TextBounds = Omit<Extract<FieldSchema, { kind: "string" }>, "kind" | "description" | "example">;
const anyText: TextBounds = {
  pattern: undefined,
  format: undefined,
  oneOf: undefined,
  bytesMax: undefined,
  bytesMin: 0,
};

function id(prefix: string, description: string): FieldSchema {
  return text(description, `${prefix}_${ulidExample}`, { pattern: `^${prefix}_[0-9A-Za-z]{1,45}$` });
}

function uuid(description: string): FieldSchema {
  return text(description, uuidExample, { pattern: uuidPattern, format: "uuid" });
}

function time(description: string): FieldSchema {
  return text(description, "2026-01-31T10:00:00.100Z", { format: "date-time" });
}

function integer(
  description: string,
  minimum: number,
  example: number,
  maximum: number = protocolLimits.sequenceMax,
): FieldSchema {
  return {
    kind: "integer",
    minimum,
    maximum,
    loweredTo: undefined,
    byDefault: undefined,
    description,
    example,
  };
}

const chatId = required(id("chat", "The chat."));
const sequence = required(integer("Place in the chat's order, without holes from 1.", 1, 47));
const serverTime = required(time("The server's clock, UTC."));
const content = required(
  text("The text. Counted in bytes of UTF-8, not in characters; NUL is refused.", "Hello", {
    bytesMin: 1,
    bytesMax: protocolLimits.contentBytesMax,
  }),
);
const contentType = text("The only type there is.", "text/plain", { oneOf: ["text/plain"] });
const storedMessage: Fields = {
  message_id: required(id("msg", "Made by the server.")),
  sequence,
  sender_id: required(id("user", "Who wrote it.")),
  content,
  content_type: required(contentType),
  created_at: required(time("When it was stored first.")),
};

export const frameSchemas = {
  send_message: {
    type: "send_message",
    sentBy: "client",
    summary: "Stores a message and hands it to all members. Answered once the message is durable.",
    requestId: "required",
    payload: {
      client_message_id: required(uuid("The idempotency key: the same over every retry of one message.")),
      chat_id: chatId,
      content,
      content_type: optional(contentType),
    },
    answeredBy: "send_message_ack",
  },
  ack: {
    type: "ack",
    sentBy: "client",
    summary: "Tells that everything up to a sequence has been received. Never answered.",
    requestId: "ignored",
    payload: {
      chat_id: chatId,
      last_acked_sequence: required(integer("Covers every sequence up to it.", 1, 47)),
    },
    answeredBy: undefined,
  },
  sync_request: {
    type: "sync_request",
    sentBy: "client",
    summary: "Asks for what lies above a sequence: the way to everything that no push has brought.",
    requestId: "required",
    payload: {
      chat_id: chatId,
      last_acked_sequence: required(integer("Exclusive lower bound; 0 asks for the whole history.", 0, 42)),
      limit: optional({
        kind: "integer",
        minimum: 1,
        maximum: protocolLimits.sequenceMax,
        loweredTo: protocolLimits.syncPageMax,
        byDefault: protocolLimits.syncPageDefault,
        description: "Messages in the answer.",
        example: 100,
      }),
    },
    answeredBy: "sync_response",
  },
  heartbeat: {
    type: "heartbeat",
    sentBy: "client",
    summary: "Shows that the session lives, at the interval that connection_established names.",
    requestId: "optional",
    payload: {},
    answeredBy: "heartbeat_ack",
  },
  typing_start: {
    type: "typing_start",
    sentBy: "client",
    summary: "The user types. At most once a second and chat, more are dropped.",
    requestId: "ignored",
    payload: { chat_id: chatId },
    answeredBy: undefined,
  },
  typing_stop: {
    type: "typing_stop",
    sentBy: "client",
    summary: "The user no longer types.",
    requestId: "ignored",
    payload: { chat_id: chatId },
    answeredBy: undefined,
  },
  connection_established: {
    type: "connection_established",
    sentBy: "server",
    summary: "The first frame of every connection.",
    requestId: "never",
    payload: {
      connection_id: required(id("conn", "New for every connection; for logs.")),
      user_id: required(id("user", "Of the access token.")),
      device_id: required(uuid("As the client gave it.")),
      server_time: serverTime,
      heartbeat_interval_ms: required(integer("How often to send a heartbeat.", 1, 5000)),
      protocol_version: required(
        integer("As in the path.", protocolLimits.protocolVersion, 1, protocolLimits.protocolVersion),
      ),
    },
    answeredBy: undefined,
  },
  send_message_ack: {
    type: "send_message_ack",
    sentBy: "server",
    summary: "The message is durable. A repeated send gets the values of the first.",
    requestId: "echoed",
    payload: {
      client_message_id: required(uuid("As sent.")),
      message_id: storedMessage["message_id"] as Field,
      chat_id: chatId,
      sequence,
      created_at: storedMessage["created_at"] as Field,
    },
    answeredBy: undefined,
  },
  message: {
    type: "message",
    sentBy: "server",
    summary: "A push: best effort, in any order, possibly repeated. Sync is what makes it complete.",
    requestId: "never",
    payload: { chat_id: chatId, ...storedMessage },
    answeredBy: undefined,
  },
  sync_response: {
    type: "sync_response",
    sentBy: "server",
    summary: "The messages above a sequence, ascending and without holes.",
    requestId: "echoed",
    payload: {
      chat_id: chatId,
      messages: required({ kind: "list", items: storedMessage, description: "All above the cursor." }),
      has_more: required({ kind: "boolean", description: "Ask again from the last one.", example: true }),
      next_sequence: optional(integer("Only with has_more: the last sequence + 1.", 1, 48)),
    },
    answeredBy: undefined,
  },
  heartbeat_ack: {
    type: "heartbeat_ack",
    sentBy: "server",
    summary: "Answers a heartbeat.",
    requestId: "echoed",
    payload: { server_time: serverTime },
    answeredBy: undefined,
  },
  error: {
    type: "error",
    sentBy: "server",
    summary:
      "A refusal. With the request_id of what it refuses, without one when it concerns the connection.",
    requestId: "echoed",
    payload: {
      code: required(
        text("What clients act on. An unknown one is treated as INTERNAL_ERROR.", "NOT_A_MEMBER", {
          oneOf: Object.keys(socketErrorCodes),
        }),
      ),
      message: required(text("For humans.", "Not a member of this chat")),
      details: optional({ kind: "open", description: "RATE_LIMITED: retry_after_seconds; others: field." }),
    },
    answeredBy: undefined,
  },
  connection_closing: {
    type: "connection_closing",
    sentBy: "server",
    summary: "Precedes every close that the server decides on.",
    requestId: "never",
    payload: {
      reason: required(text("Why.", "server_shutdown", { oneOf: Object.keys(closeReasons) })),
      message: required(text("For humans.", "The server is going away")),
      reconnect_delay_ms: required(integer("Wait so long, and a random time more.", 0, 5000)),
      reconnect_allowed: required({
        kind: "boolean",
        description: "False: do not come back before a new login.",
        example: true,
      }),
    },
    answeredBy: undefined,
  },
  typing_indicator: {
    type: "typing_indicator",
    sentBy: "server",
    summary: `Another member types, or no longer does. Lapses by itself after ${protocolLimits.typingExpiryMs / 1000} seconds.`,
    requestId: "never",
    payload: {
      chat_id: chatId,
      user_id: required(id("user", "Who types.")),
      is_typing: required({ kind: "boolean", description: "Does or does not.", example: true }),
    },
    answeredBy: undefined,
  },
} as const satisfies Record<ClientFrame["type"] | ServerFrame["type"], FrameSchema>;

/** A valid frame with every field, from the fields' examples. */
export function exampleFrame(frame: FrameSchema): Record<string, unknown> {
  const hasRequestId = frame.requestId === "required" || frame.requestId === "echoed";
  return {
    type: frame.type,
    ...(hasRequestId ? { request_id: `req_${ulidExample}` } : {}),
    ...(frame.sentBy === "server" ? { timestamp: "2026-01-31T10:00:00.123Z" } : {}),
    payload: exampleFields(frame.payload),
  };
}

function exampleFields(fields: Fields): Record<string, unknown> {
  const shown = Object.entries(fields).filter(([, { schema }]) => schema.kind !== "open");
  return Object.fromEntries(shown.map(([name, { schema }]) => [name, exampleValue(schema)]));
}

function exampleValue(schema: FieldSchema): unknown {
  if (schema.kind === "list") return [exampleFields(schema.items)];
  return schema.kind === "open" ? {} : schema.example;
}
