/** Goal: a decoded message meets the same rules as a REST request. Method: a table of messages. */
import { expect, test } from "bun:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { type FieldError, TriplaneError } from "../domain/errors.ts";
import {
  AddMemberRequestSchema,
  CreateChatRequestSchema,
  ListChatsRequestSchema,
  SetDeliveryStateRequestSchema,
  UpdateMeRequestSchema,
  VerifyOtpResponseSchema,
} from "../gen/messaging/v1/chatmgmt_pb.js";
import { validateMessage } from "./validate-message.ts";

function fieldErrors(desc: DescMessage, init: MessageInitShape<DescMessage>): readonly string[] {
  try {
    validateMessage(desc, create(desc, init));
  } catch (error) {
    if (!(error instanceof TriplaneError) || error.code !== "VALIDATION_ERROR") throw error;
    const errors = error.details?.["field_errors"] as readonly FieldError[];
    return errors.map(({ field, code }) => `${field} ${code}`);
  }
  return [];
}

test.each<[string, DescMessage, object, string[]]>([
  ["an empty message", CreateChatRequestSchema, {}, ["type REQUIRED", "member_ids REQUIRED"]],
  ["a wrong word", CreateChatRequestSchema, { type: "x", memberIds: ["user_1"] }, ["type INVALID_VALUE"]],
  [
    "a wrong item",
    CreateChatRequestSchema,
    { type: "group", memberIds: ["user_1", ""] },
    ["member_ids[1] INVALID_FORMAT"],
  ],
  [
    "too many items",
    CreateChatRequestSchema,
    { type: "group", memberIds: Array(100).fill("user_1") },
    ["member_ids TOO_MANY"],
  ],
  ["an optional text that is empty", UpdateMeRequestSchema, { displayName: "" }, ["display_name MIN_LENGTH"]],
  ["an absent optional text", UpdateMeRequestSchema, {}, []],
  ["64 characters beyond the basic plane", UpdateMeRequestSchema, { displayName: "😀".repeat(64) }, []],
  [
    "a number below its minimum",
    SetDeliveryStateRequestSchema,
    { chatId: "chat_1" },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  [
    "a number above 2^53 - 1",
    SetDeliveryStateRequestSchema,
    { chatId: "chat_1", lastAckedSequence: 2n ** 53n },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  ["a valid message", AddMemberRequestSchema, { chatId: "chat_1", userId: "user_1", role: "admin" }, []],
  ["absent messages", VerifyOtpResponseSchema, {}, ["user REQUIRED", "session REQUIRED", "tokens REQUIRED"]],
  [
    "a nested field",
    VerifyOtpResponseSchema,
    { user: {}, session: {}, tokens: { accessToken: "a", refreshToken: "b", tokenType: "Basic" } },
    [
      "user.user_id REQUIRED",
      "user.phone_number REQUIRED",
      "user.created_at REQUIRED",
      "session.session_id REQUIRED",
      "session.device_id REQUIRED",
      "session.created_at REQUIRED",
      "session.expires_at REQUIRED",
      "tokens.token_type INVALID_VALUE",
    ],
  ],
])("%s", (_, desc, init, expected) => {
  expect(fieldErrors(desc, init as MessageInitShape<DescMessage>)).toEqual(expected);
});

test("a clamped number is lowered in place", () => {
  const message = create(ListChatsRequestSchema, { limit: 5000 });
  validateMessage(ListChatsRequestSchema, message);
  expect(message.limit).toBe(100);
});
