/** Goal: every kind of wrong input is named, all at once, and nothing lenient slips through. Method: tables of bodies, queries and paths. */
import { expect, test } from "bun:test";
import type { Message } from "@bufbuild/protobuf";
import { type FieldError, TriplaneError } from "../domain/errors.ts";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import { decodeRequest, type JsonRecord } from "./rest-decode.ts";
import { type RestRoute, restRoutes } from "./rest-routes.ts";

const routes = new Map(restRoutes(ChatMgmtService).map((route) => [route.method.name, route]));
const chatId = "chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7";
const userId = "user_01HQX7Z9Y8K4M3N2P1Q0R5S6T7";

function route(name: string): RestRoute {
  const found = routes.get(name);
  if (found === undefined) throw new Error(`no route of ${name}`);
  return found;
}

function decode(
  name: string,
  input: { path?: Record<string, string>; query?: string; body?: JsonRecord },
): Message {
  return decodeRequest(route(name), {
    path: { chat_id: chatId, user_id: userId, ...input.path },
    query: new URLSearchParams(input.query),
    body: input.body,
    headerErrors: [],
  });
}

function fieldErrors(attempt: () => unknown): readonly string[] {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof TriplaneError) || error.code !== "VALIDATION_ERROR") throw error;
    const errors = error.details?.["field_errors"] as readonly FieldError[];
    return errors.map(({ field, code }) => `${field} ${code}`);
  }
  return [];
}

const group = { type: "group", name: "Project Team", member_ids: [userId] };

test.each([
  ["nothing at all", {}, ["type REQUIRED", "member_ids REQUIRED"]],
  ["null where a value is required", { ...group, type: null }, ["type REQUIRED"]],
  ["a number for a string", { ...group, type: 7 }, ["type INVALID_VALUE"]],
  ["an object for a string", { ...group, name: {} }, ["name INVALID_VALUE"]],
  ["an array for a string", { ...group, name: ["a"] }, ["name INVALID_VALUE"]],
  ["a string for an array", { ...group, member_ids: userId }, ["member_ids INVALID_VALUE"]],
  ["an object for an array", { ...group, member_ids: { 0: userId } }, ["member_ids INVALID_VALUE"]],
  ["null inside an array", { ...group, member_ids: [null] }, ["member_ids[0] INVALID_VALUE"]],
  ["a wrong item", { ...group, member_ids: [userId, "bob"] }, ["member_ids[1] INVALID_FORMAT"]],
  ["no items", { ...group, member_ids: [] }, ["member_ids MIN_LENGTH"]],
  ["too many items", { ...group, member_ids: Array(100).fill(userId) }, ["member_ids TOO_MANY"]],
  ["an unknown word", { ...group, type: "channel" }, ["type INVALID_VALUE"]],
  ["an empty text", { ...group, name: "" }, ["name MIN_LENGTH"]],
  ["129 characters", { ...group, name: "a".repeat(129) }, ["name TOO_LONG"]],
  ["129 characters beyond the basic plane", { ...group, name: "😀".repeat(129) }, ["name TOO_LONG"]],
  ["leading white space", { ...group, name: " a" }, ["name INVALID_FORMAT"]],
  ["trailing white space", { ...group, name: "a\u00a0" }, ["name INVALID_FORMAT"]],
  ["a control character", { ...group, name: "a\u0007b" }, ["name INVALID_FORMAT"]],
  ["a NUL character", { ...group, name: "a\u0000b" }, ["name INVALID_FORMAT"]],
  ["a C1 control character", { ...group, name: "a\u0085b" }, ["name INVALID_FORMAT"]],
  ["a lone surrogate", { ...group, name: "a\ud800" }, ["name INVALID_FORMAT"]],
  [
    "everything wrong",
    { type: 1, name: "", member_ids: [1] },
    ["type INVALID_VALUE", "name MIN_LENGTH", "member_ids[0] INVALID_VALUE"],
  ],
  ["camel case", { ...group, member_ids: undefined, memberIds: [userId] }, ["member_ids REQUIRED"]],
] as const)("a body with %s", (_, body, expected) => {
  expect(fieldErrors(() => decode("CreateChat", { body }))).toEqual([...expected]);
});

test.each([
  ["128 characters beyond the basic plane", { ...group, name: "😀".repeat(128) }, { name: "😀".repeat(128) }],
  ["unknown members", { ...group, colour: "blue", __proto__: { x: 1 } }, { name: "Project Team" }],
  ["null where it is allowed", { ...group, name: null }, { type: "group" }],
] as const)("a body with %s is accepted", (_, body, expected) => {
  expect(decode("CreateChat", { body })).toMatchObject(expected);
});

test("null that is allowed leaves the field absent", () => {
  expect(Object.hasOwn(decode("CreateChat", { body: { ...group, name: null } }), "name")).toBe(false);
});

test("members inherited from the prototype are not read", () => {
  const body = Object.create({ ...group }) as JsonRecord;
  expect(fieldErrors(() => decode("CreateChat", { body }))).toEqual(["type REQUIRED", "member_ids REQUIRED"]);
});

test.each([
  ["null where it is not allowed", "UpdateMe", { display_name: null }, ["display_name INVALID_VALUE"]],
  [
    "a numeric string",
    "SetDeliveryState",
    { last_acked_sequence: "45" },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  ["a fraction", "SetDeliveryState", { last_acked_sequence: 1.5 }, ["last_acked_sequence INVALID_VALUE"]],
  [
    "zero below the minimum",
    "SetDeliveryState",
    { last_acked_sequence: 0 },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  [
    "a negative number",
    "SetDeliveryState",
    { last_acked_sequence: -1 },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  [
    "a number above 2^53 - 1",
    "SetDeliveryState",
    { last_acked_sequence: 2 ** 53 },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  [
    "an infinite number",
    "SetDeliveryState",
    JSON.parse('{"last_acked_sequence":1e999}'),
    ["last_acked_sequence INVALID_VALUE"],
  ],
  [
    "a boolean for a number",
    "SetDeliveryState",
    { last_acked_sequence: true },
    ["last_acked_sequence INVALID_VALUE"],
  ],
  ["hours above the maximum", "MuteChat", { duration_hours: 8761 }, ["duration_hours INVALID_VALUE"]],
  ["owner as a role", "AddMember", { user_id: userId, role: "owner" }, ["role INVALID_VALUE"]],
  [
    "a phone number without +",
    "RequestOtp",
    { phone_number: "14155551234" },
    ["phone_number INVALID_FORMAT"],
  ],
  [
    "a trailing newline after the pattern",
    "RequestOtp",
    { phone_number: "+14155551234\n" },
    ["phone_number INVALID_FORMAT"],
  ],
] as const)("%s is refused", (_, name, body, expected) => {
  expect(fieldErrors(() => decode(name, { body: body as JsonRecord }))).toEqual([...expected]);
});

test("a sequence becomes a bigint, an hour a number", () => {
  expect(decode("SetDeliveryState", { body: { last_acked_sequence: 45 } })).toMatchObject({
    lastAckedSequence: 45n,
  });
  expect(decode("MuteChat", { body: { duration_hours: 8 } })).toMatchObject({ durationHours: 8 });
});

test.each([
  ["limit=abc", ["limit INVALID_VALUE"]],
  ["limit=", ["limit INVALID_VALUE"]],
  ["limit=0", ["limit INVALID_VALUE"]],
  ["limit=-1", ["limit INVALID_VALUE"]],
  ["limit=%2B5", ["limit INVALID_VALUE"]],
  ["limit=1.0", ["limit INVALID_VALUE"]],
  ["limit=1e2", ["limit INVALID_VALUE"]],
  ["limit=0x10", ["limit INVALID_VALUE"]],
  ["limit=%205", ["limit INVALID_VALUE"]],
  ["limit=1&limit=2", ["limit INVALID_VALUE"]],
  ["direction=sideways", ["direction INVALID_VALUE"]],
  ["before_sequence=9007199254740992", ["before_sequence INVALID_VALUE"]],
  [`cursor=${"a".repeat(513)}`, ["cursor TOO_LONG"]],
  ["limit=x&direction=y", ["limit INVALID_VALUE", "direction INVALID_VALUE"]],
] as const)("the query %s is refused", (query, expected) => {
  expect(fieldErrors(() => decode("ListMessages", { query }))).toEqual([...expected]);
});

test.each([
  ["", {}],
  ["limit=20", { limit: 20 }],
  ["limit=101", { limit: 100 }],
  ["limit=99999999999999999999", { limit: 100 }],
  ["after_sequence=0&direction=forward", { afterSequence: 0n, direction: "forward" }],
  ["colour=blue", {}],
] as const)("the query %s is accepted", (query, expected) => {
  expect(decode("ListMessages", { query })).toMatchObject(expected);
});

test.each([
  ["chat_ids=chat_1,chat_2", ["chat_1", "chat_2"]],
  ["chat_ids=chat_1&chat_ids=chat_2,chat_3", ["chat_1", "chat_2", "chat_3"]],
  ["", []],
] as const)("the list %s", (query, expected) => {
  expect(decode("ListDeliveryState", { query })).toMatchObject({ chatIds: [...expected] });
});

test.each([
  ["chat_ids=", ["chat_ids[0] INVALID_FORMAT"]],
  ["chat_ids=chat_1,,chat_2", ["chat_ids[1] INVALID_FORMAT"]],
  [`chat_ids=${Array(51).fill("chat_1").join(",")}`, ["chat_ids TOO_MANY"]],
] as const)("the list %s is refused", (query, expected) => {
  expect(fieldErrors(() => decode("ListDeliveryState", { query }))).toEqual([...expected]);
});

test.each([
  ["include_current=true", true],
  ["include_current=false", false],
] as const)("%s", (query, expected) => {
  expect(decode("DeleteSessions", { query })).toMatchObject({ includeCurrent: expected });
});

test.each(["include_current=1", "include_current=TRUE", "include_current="])("%s is refused", (query) => {
  expect(fieldErrors(() => decode("DeleteSessions", { query }))).toEqual(["include_current INVALID_VALUE"]);
});

test.each([
  ["GetChat", { chat_id: "group_1" }, ["chat_id INVALID_FORMAT"]],
  ["GetChat", { chat_id: `chat_${"a".repeat(46)}` }, ["chat_id INVALID_FORMAT"]],
  ["GetChat", { chat_id: "chat_" }, ["chat_id INVALID_FORMAT"]],
  ["GetMessagesAround", { sequence: "first" }, ["sequence INVALID_VALUE"]],
  ["GetMessagesAround", { sequence: "0" }, ["sequence INVALID_VALUE"]],
] as const)("the path of %s with %p is refused", (name, path, expected) => {
  expect(fieldErrors(() => decode(name, { path: path as Record<string, string> }))).toEqual([...expected]);
});

test("a path parameter wins over a member of the body", () => {
  const message = decode("UpdateChat", {
    path: { chat_id: "chat_path" },
    body: { chat_id: "chat_body", name: "x" },
  });
  expect(message).toMatchObject({ chatId: "chat_path", name: "x" });
});
