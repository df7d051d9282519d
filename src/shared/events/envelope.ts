/**
 * The envelope of every event, and the one way in: what does not pass can never be processed and goes to the
 * dead letters. A known type of an unknown version is read as the newest version known.
 */
import { type ChatCreatedPayload, parseChatCreated } from "./chat-created.ts";
import { ParseError, SchemaViolationError, UnknownEventTypeError } from "./event-errors.ts";
import { type Fields, integerField, isFields, textField, timeField } from "./event-fields.ts";
import { type MembershipChangedPayload, parseMembershipChanged } from "./membership-changed.ts";
import { type MessagePersistedPayload, parseMessagePersisted } from "./message-persisted.ts";

export interface EventEnvelope<Type extends string, Payload> {
  /** `evt_` + ULID, unique per publish. */
  readonly event_id: string;
  readonly event_type: Type;
  /** Schema version of this type, from 1. */
  readonly event_version: number;
  readonly event_time: string;
  /** Always the chat id. */
  readonly partition_key: string;
  /** The service instance. */
  readonly producer_id: string;
  /** 32 lower-case hex characters; all zero where the cause was not traced. */
  readonly trace_id: string;
  readonly payload: Payload;
}

export type MessagePersisted = EventEnvelope<"MessagePersisted", MessagePersistedPayload>;
export type MembershipChanged = EventEnvelope<"MembershipChanged", MembershipChangedPayload>;
export type ChatCreated = EventEnvelope<"ChatCreated", ChatCreatedPayload>;
export type Event = MessagePersisted | MembershipChanged | ChatCreated;

/** Written into every record, never required. */
export const envelopeSchema = "https://messaging.internal/schemas/event-envelope/v1.json";
export const noTraceId = "0".repeat(32);

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });
const tracePattern = /^[0-9a-f]{32}$/;

export function encodeEvent(event: Event): Uint8Array {
  return utf8.encode(JSON.stringify({ $schema: envelopeSchema, ...event }));
}

/**
 * @param key the record's key, null where it has none
 * @throws {ParseError} no JSON object
 * @throws {UnknownEventTypeError}
 * @throws {SchemaViolationError} a field is missing or wrong, or keys disagree
 */
export function decodeEvent(value: Uint8Array, key: string | null): Event {
  let parsed: unknown;
  try {
    parsed = JSON.parse(strictUtf8.decode(value));
  } catch (thrown) {
    throw new ParseError(`${value.length} bytes are no JSON text`, { cause: thrown });
  }
  return checkEvent(parsed, key);
}

/** As `decodeEvent`, for what is parsed already. */
export function checkEvent(parsed: unknown, key: string | null): Event {
  if (!isFields(parsed)) throw new ParseError("the value is no JSON object");
  const event = eventOf(parsed);
  if (event.partition_key !== event.payload.chat_id) {
    throw new SchemaViolationError("field 'partition_key' differs from the payload's 'chat_id'");
  }
  if (key !== null && key !== event.partition_key) {
    throw new SchemaViolationError("field 'partition_key' differs from the record's key");
  }
  return event;
}

/** From the `traceparent` header. */
export function traceIdOf(traceparent: string | undefined | null): string {
  const traceId = traceparent?.slice(3, 35);
  return traceId !== undefined && tracePattern.test(traceId) ? traceId : noTraceId;
}

function eventOf(fields: Fields): Event {
  const type = textField(fields, "event_type");
  if (type === "MessagePersisted") return envelopeOf(fields, type, parseMessagePersisted);
  if (type === "MembershipChanged") return envelopeOf(fields, type, parseMembershipChanged);
  if (type === "ChatCreated") return envelopeOf(fields, type, parseChatCreated);
  throw new UnknownEventTypeError(`event type ${JSON.stringify(type.slice(0, 80))} is unknown`);
}

function envelopeOf<Type extends string, Payload>(
  fields: Fields,
  type: Type,
  parsePayload: (payload: Fields) => Payload,
): EventEnvelope<Type, Payload> {
  const traceId = textField(fields, "trace_id");
  if (!tracePattern.test(traceId)) {
    throw new SchemaViolationError("field 'trace_id' is not 32 lower-case hex characters");
  }
  const payload = fields["payload"];
  if (payload === undefined) throw new SchemaViolationError("missing required field 'payload'");
  if (!isFields(payload)) throw new SchemaViolationError("field 'payload' is no object");
  return {
    event_id: textField(fields, "event_id"),
    event_type: type,
    event_version: integerField(fields, "event_version", 1),
    event_time: timeField(fields, "event_time"),
    partition_key: textField(fields, "partition_key"),
    producer_id: textField(fields, "producer_id"),
    trace_id: traceId,
    payload: parsePayload(payload),
  };
}
