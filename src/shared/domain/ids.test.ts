/** Goal: ids of ours are strict ULIDs in order of time, those of others pass leniently, and nothing else does. Method: tables, a virtual clock. */
import { expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import {
  createIds,
  parseChatId,
  parseClientMessageId,
  parseDeviceId,
  parseMessageId,
  parseUserId,
} from "./ids.ts";

const uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

test.each([
  ["chat_01HQX123ABC", true],
  [`chat_${"a".repeat(45)}`, true],
  [`chat_${"a".repeat(46)}`, false],
  ["chat_", false],
  ["chat_a\n", false],
  ["chat_a/../b", false],
  ["Chat_a", false],
  ["user_a", false],
  ["xchat_a", false],
])("chat id %p: %p", (raw, isValid) => {
  expect(parseChatId(raw) !== undefined).toBe(isValid);
});

test("W-10 each kind has its own prefix", () => {
  expect(parseUserId("chat_a")).toBeUndefined();
  expect(parseMessageId("msg_a")).toBe("msg_a" as never);
});

test.each([[uuid], [uuid.toUpperCase()]])("W-10 any UUID %p is taken, in lower case", (raw) => {
  expect(parseClientMessageId(raw)).toBe(uuid as never);
  expect(parseDeviceId(raw)).toBe(uuid as never);
});

test.each([["not-a-uuid"], [`{${uuid}}`], [uuid.replaceAll("-", "")], [`${uuid}\n`], [""]])(
  "%p is no UUID",
  (raw) => {
    expect(parseClientMessageId(raw)).toBeUndefined();
  },
);

test("ours sort by time and never repeat", async () => {
  const clock = new VirtualClock();
  const ids = createIds(clock, new SeededRandom(1));
  const made: string[] = [];
  for (let n = 0; n < 200; n++) {
    made.push(ids.messageId());
    await clock.advance(1);
  }
  expect(made).toEqual(made.toSorted());
  expect(new Set(made).size).toBe(200);
  for (const id of made) expect(id).toMatch(/^msg_[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(ids.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
