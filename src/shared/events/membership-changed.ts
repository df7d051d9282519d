/** `MembershipChanged` version 1, topic `memberships.changed`: a reason to forget a cached member list. */
import { choiceField, type Fields, optionalInteger, textField, timeField } from "./event-fields.ts";

const changeTypes = ["added", "removed", "role_changed"] as const;

export interface MembershipChangedPayload {
  readonly chat_id: string;
  readonly user_id: string;
  readonly change_type: (typeof changeTypes)[number];
  readonly role: string;
  readonly changed_by: string;
  readonly member_count_after?: number;
  readonly changed_at: string;
}

/** Unknown fields are dropped. @throws {SchemaViolationError} */
export function parseMembershipChanged(fields: Fields): MembershipChangedPayload {
  const count = optionalInteger(fields, "member_count_after", 0);
  return {
    chat_id: textField(fields, "chat_id"),
    user_id: textField(fields, "user_id"),
    change_type: choiceField(fields, "change_type", changeTypes),
    role: textField(fields, "role"),
    changed_by: textField(fields, "changed_by"),
    ...(count === undefined ? {} : { member_count_after: count }),
    changed_at: timeField(fields, "changed_at"),
  };
}
