/**
 * Goal: every broken promise of the stores is seen, and a sound database yields nothing.
 * Method: a small sound database on disk, one way of breaking it per rule.
 */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDatabase, checkRules } from "./check-database.ts";
import { defaultDatabaseOptions, openDatabase } from "./open-database.ts";

let directory: string;
let path: string;

const sound = `
INSERT INTO users VALUES ('user_a', '+14155550001', NULL, 1, 1), ('user_b', '+14155550002', NULL, 1, 1);
INSERT INTO sessions VALUES ('sess_a', 'user_a', 'device', 'hash', NULL, 'family', 0, '[]', 1, 9, 1);
INSERT INTO chats VALUES (1, 'chat_d', 'direct', NULL, 'user_a', 2, 1, 1), (2, 'chat_g', 'group', 'g', 'user_a', 1, 1, 1);
INSERT INTO chat_counters VALUES (1, 3), (2, 0);
INSERT INTO chat_memberships VALUES ('chat_d', 'user_a', 'member', 1, NULL), ('chat_d', 'user_b', 'member', 1, NULL),
  ('chat_g', 'user_a', 'owner', 1, NULL);
INSERT INTO direct_chat_index VALUES ('user_a#user_b', 'chat_d');
INSERT INTO messages VALUES
  (1, 1, 1, x'00000000000000000000000000000001', 'msg_1', 'user_a', 'one', 1000, NULL, NULL),
  (2, 1, 2, x'00000000000000000000000000000002', 'msg_2', 'user_b', 'two', 1001, NULL, NULL),
  (3, 1, 3, x'00000000000000000000000000000003', 'msg_3', 'user_a', 'three', 1002, NULL, NULL);
INSERT INTO delivery_state VALUES ('user_b', 'chat_d', 3, 1);
`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "triplane-check-"));
  path = join(directory, "check.sqlite");
  const db = openDatabase(path, defaultDatabaseOptions);
  db.run(sound);
  db.close();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function breakWith(sql: string): readonly string[] {
  const db = new Database(path, { readwrite: true });
  db.run("PRAGMA foreign_keys = OFF");
  db.run(sql);
  db.close();
  return checkDatabase(path).findings.map(({ rule }) => rule);
}

describe("checkDatabase", () => {
  test("finds nothing in a sound database and says how much it looked at", () => {
    expect(checkDatabase(path)).toEqual({ findings: [], chats: 2, messages: 3 });
  });

  const breaks: readonly (readonly [string, string, readonly string[]])[] = [
    ["a message taken out of the middle", "DELETE FROM messages WHERE sequence = 2", ["sequence_dense"]],
    [
      "a counter behind its messages",
      "UPDATE chat_counters SET sequence_counter = 2 WHERE chat_key = 1",
      ["sequence_dense", "watermark_within_chat"],
    ],
    [
      "a counter ahead of its messages",
      "UPDATE chat_counters SET sequence_counter = 4 WHERE chat_key = 1",
      ["sequence_dense"],
    ],
    ["a counter that is gone", "DELETE FROM chat_counters WHERE chat_key = 2", ["counter_present"]],
    [
      "messages committed out of order",
      "UPDATE messages SET log_offset = 9 WHERE sequence = 1",
      ["commit_order"],
    ],
    [
      "a key that expired early",
      "UPDATE messages SET client_id = NULL WHERE sequence = 2",
      ["idempotency_key_kept"],
    ],
    [
      "a key of the wrong length",
      "UPDATE messages SET client_id = x'01' WHERE sequence = 2",
      ["idempotency_key"],
    ],
    [
      "one id for two messages",
      "UPDATE messages SET message_id = 'msg_1' WHERE sequence = 2",
      ["message_id_unique"],
    ],
    ["a wrong number of members", "UPDATE chats SET member_count = 3 WHERE chat_key = 1", ["member_count"]],
    [
      "a group without an owner",
      "UPDATE chat_memberships SET role = 'admin' WHERE chat_id = 'chat_g'",
      ["one_owner"],
    ],
    ["a direct chat outside the index", "DELETE FROM direct_chat_index", ["direct_chat_index"]],
    [
      "an index entry of a group",
      "INSERT INTO direct_chat_index VALUES ('x#y', 'chat_g')",
      ["direct_chat_index"],
    ],
    [
      "a member of nothing",
      "INSERT INTO chat_memberships VALUES ('chat_x', 'user_a', 'owner', 1, NULL)",
      ["membership_of_chat"],
    ],
    [
      "a watermark beyond the newest message",
      "UPDATE delivery_state SET last_acked_sequence = 4",
      ["watermark_within_chat"],
    ],
    ["a session of nobody", "UPDATE sessions SET user_id = 'user_x'", ["session_of_user"]],
    ["a counter of no chat", "INSERT INTO chat_counters VALUES (7, 0)", ["references_resolve"]],
    [
      "messages of no chat",
      "INSERT INTO messages VALUES (4, 7, 1, x'00000000000000000000000000000004', 'msg_4', 'user_a', 'x', 1, NULL, NULL)",
      ["message_of_chat"],
    ],
  ];

  test.each(breaks)("sees %s", (_name, sql, expected) => {
    expect(new Set(breakWith(sql))).toEqual(new Set(expected));
  });

  test("every rule has a case above, but the one that only damage on disk breaks", () => {
    const covered = new Set(breaks.flatMap(([, , expected]) => expected));
    expect(checkRules.filter((rule) => !covered.has(rule))).toEqual(["file_intact"]);
  });
});
