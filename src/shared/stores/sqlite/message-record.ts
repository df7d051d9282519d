/** A stored message as a record of `messages.persisted`: the event is made when someone asks for it. */
import { isoTime } from "../../domain/clock.ts";
import { encodeEvent, type MessagePersisted, traceIdOf } from "../../events/envelope.ts";
import { cachedPartitioner } from "../../events/partitioner.ts";
import { type LogRecord, topics } from "../event-log.ts";

export interface MessageRecordFields {
  readonly offset: number;
  readonly chatId: string;
  readonly sequence: number;
  readonly messageId: string;
  /** Absent once the key expired, long after any consumer has read the record. */
  readonly clientMessageId: string | undefined;
  readonly senderId: string;
  readonly content: string;
  readonly createdAtMs: number;
  readonly originConnectionId: string | undefined;
  readonly traceparent: string | undefined;
}

const unknownClientMessageId = "00000000-0000-0000-0000-000000000000";
const partitionOf = cachedPartitioner(100_000);

/** Partition of a chat in `messages.persisted`. */
export function messagePartition(chatId: string): number {
  return partitionOf(chatId, topics["messages.persisted"].partitions);
}

export class MessageRecord implements LogRecord {
  readonly topic = "messages.persisted";
  readonly partition: number;
  readonly #fields: MessageRecordFields;
  readonly #producerId: string;
  #event: MessagePersisted | undefined;

  constructor(fields: MessageRecordFields, producerId: string) {
    this.partition = messagePartition(fields.chatId);
    this.#fields = fields;
    this.#producerId = producerId;
  }

  get offset(): number {
    return this.#fields.offset;
  }

  get key(): string {
    return this.#fields.chatId;
  }

  get timestampMs(): number {
    return this.#fields.createdAtMs;
  }

  get headers(): Readonly<Record<string, string>> {
    const { messageId, traceparent } = this.#fields;
    return traceparent === undefined ? { message_id: messageId } : { message_id: messageId, traceparent };
  }

  get event(): MessagePersisted {
    this.#event ??= eventOf(this.#fields, this.#producerId);
    return this.#event;
  }

  value(): Uint8Array {
    return encodeEvent(this.event);
  }
}

/** There is one event per message for ever, so its id is the message's. */
function eventOf(fields: MessageRecordFields, producerId: string): MessagePersisted {
  const createdAt = isoTime(fields.createdAtMs);
  const origin = fields.originConnectionId;
  return {
    event_id: `evt_${fields.messageId.slice(fields.messageId.indexOf("_") + 1)}`,
    event_type: "MessagePersisted",
    event_version: 1,
    event_time: createdAt,
    partition_key: fields.chatId,
    producer_id: producerId,
    trace_id: traceIdOf(fields.traceparent),
    payload: {
      message_id: fields.messageId,
      chat_id: fields.chatId,
      sequence: fields.sequence,
      sender_id: fields.senderId,
      content: fields.content,
      content_type: "text/plain",
      client_message_id: fields.clientMessageId ?? unknownClientMessageId,
      ...(origin === undefined ? {} : { origin_connection_id: origin }),
      created_at: createdAt,
    },
  };
}
