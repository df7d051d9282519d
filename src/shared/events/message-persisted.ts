/** `MessagePersisted` version 1, topic `messages.persisted`: a message was committed. Names no recipients. */
import { type Fields, integerField, optionalText, textField, timeField } from "./event-fields.ts";

export interface MessagePersistedPayload {
  readonly message_id: string;
  readonly chat_id: string;
  /** 1 … 2^53 - 1. */
  readonly sequence: number;
  readonly sender_id: string;
  /** As stored, byte for byte. */
  readonly content: string;
  readonly content_type: string;
  readonly client_message_id: string;
  /** The sending connection, which gets no push; absent on a republished event. */
  readonly origin_connection_id?: string;
  readonly created_at: string;
}

/** Unknown fields are dropped. @throws {SchemaViolationError} */
export function parseMessagePersisted(fields: Fields): MessagePersistedPayload {
  const origin = optionalText(fields, "origin_connection_id");
  return {
    message_id: textField(fields, "message_id"),
    chat_id: textField(fields, "chat_id"),
    sequence: integerField(fields, "sequence", 1),
    sender_id: textField(fields, "sender_id"),
    content: textField(fields, "content"),
    content_type: textField(fields, "content_type"),
    client_message_id: textField(fields, "client_message_id"),
    ...(origin === undefined ? {} : { origin_connection_id: origin }),
    created_at: timeField(fields, "created_at"),
  };
}
