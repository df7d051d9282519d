/** `ChatCreated` version 1, topic `chats.created`. The initial members are the intended ones, never authoritative. */
import {
  choiceField,
  type Fields,
  nullableText,
  optionalInteger,
  textField,
  textsField,
  timeField,
} from "./event-fields.ts";

const chatTypes = ["direct", "group"] as const;

export interface ChatCreatedPayload {
  readonly chat_id: string;
  readonly chat_type: (typeof chatTypes)[number];
  /** Null for a direct chat. */
  readonly name: string | null;
  readonly status?: "active";
  readonly created_by: string;
  readonly member_count?: number;
  readonly initial_members: readonly string[];
  readonly created_at: string;
}

/** Unknown fields are dropped. @throws {SchemaViolationError} */
export function parseChatCreated(fields: Fields): ChatCreatedPayload {
  const count = optionalInteger(fields, "member_count", 0);
  return {
    chat_id: textField(fields, "chat_id"),
    chat_type: choiceField(fields, "chat_type", chatTypes),
    name: nullableText(fields, "name"),
    ...(fields["status"] === undefined ? {} : { status: choiceField(fields, "status", ["active"]) }),
    created_by: textField(fields, "created_by"),
    ...(count === undefined ? {} : { member_count: count }),
    initial_members: textsField(fields, "initial_members"),
    created_at: timeField(fields, "created_at"),
  };
}
