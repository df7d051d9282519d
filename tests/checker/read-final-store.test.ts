/** Goal: the checker sees exactly what the file holds, also one that a killed process left behind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultDatabaseOptions, openDatabase } from "../../src/shared/stores/sqlite/open-database.ts";
import { readFinalStore } from "./read-final-store.ts";

let directory: string;
let path: string;
const clientId = "01234567-89ab-4cde-8f01-23456789abcd";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "final-store-"));
  path = join(directory, "live.db");
  const db = openDatabase(path, defaultDatabaseOptions);
  db.run(
    "INSERT INTO chats VALUES (1, 'chat_a', 'group', NULL, 'user_a', 2, 0, 0), (2, 'chat_b', 'group', NULL, 'user_a', 2, 0, 0)",
  );
  db.run("INSERT INTO chat_counters VALUES (1, 2), (2, 0)");
  db.run("INSERT INTO chat_memberships VALUES ('chat_a', 'user_a', 'owner', 0, NULL)");
  db.run("INSERT INTO delivery_state VALUES ('user_a', 'chat_a', 1, 0)");
  const insert = db.query(
    "INSERT INTO messages VALUES (?, 1, ?, ?, ?, 'user_a', ?, 1769853600100, NULL, NULL)",
  );
  insert.run(1, 1, Uint8Array.fromHex(clientId.replaceAll("-", "")), "msg_1", "one");
  insert.run(2, 2, null, "msg_2", "two");
  // Files as SIGKILL leaves them: the commits are only in the write-ahead log.
  for (const suffix of ["", "-wal"]) await cp(path + suffix, join(directory, `killed.db${suffix}`));
  db.close();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const expected = {
  messages: [
    {
      chatId: "chat_a",
      sequence: 1,
      messageId: "msg_1",
      clientMessageId: clientId,
      senderId: "user_a",
      content: "one",
      createdAt: "2026-01-31T10:00:00.100Z",
    },
    {
      chatId: "chat_a",
      sequence: 2,
      messageId: "msg_2",
      clientMessageId: null,
      senderId: "user_a",
      content: "two",
      createdAt: "2026-01-31T10:00:00.100Z",
    },
  ],
  counters: [
    { chatId: "chat_a", sequence: 2, publishedSequence: 2 },
    { chatId: "chat_b", sequence: 0, publishedSequence: 0 },
  ],
  idempotencyKeys: [{ chatId: "chat_a", clientMessageId: clientId, messageId: "msg_1", sequence: 1 }],
  watermarks: [{ userId: "user_a", chatId: "chat_a", lastAckedSequence: 1 }],
  memberships: [{ chatId: "chat_a", userId: "user_a" }],
};

describe("the final store", () => {
  test("of a server that stopped in good order", () => {
    expect(readFinalStore(path)).toEqual(expected);
  });

  test("of a server that was killed", () => {
    expect(readFinalStore(join(directory, "killed.db"))).toEqual(expected);
  });

  test("is refused where there is no file", () => {
    expect(() => readFinalStore(join(directory, "none.db"))).toThrow();
  });
});
