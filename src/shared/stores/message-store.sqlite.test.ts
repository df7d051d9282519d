/** Goal: the embedded message store keeps the port's promises. Method: the conformance suite, inline and on its thread. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatId } from "../domain/ids.ts";
import { createSqliteChatStore } from "./chat-store.sqlite.ts";
import { messageStoreConformance } from "./message-store.conformance.ts";
import {
  batchOf,
  chatIdOf,
  fill,
  messageOf,
  type OpenMessageStore,
  readAll,
} from "./message-store.harness.ts";
import { SqliteMessageStore } from "./message-store.sqlite.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { LogTail } from "./sqlite/log-tail.ts";
import { defaultDatabaseOptions, openDatabase } from "./sqlite/open-database.ts";
import type { Storage } from "./sqlite/storage.ts";
import { openThreadStorage } from "./sqlite/thread-storage.ts";

const tail = (): LogTail => new LogTail({ recordsMax: 100, producerId: "test" });

/** The suite's harness over a file; damage is done through a connection beside the store's. */
async function openOn(path: string, storage: Storage, cleanUp: () => void): Promise<OpenMessageStore> {
  const beside = openDatabase(path, defaultDatabaseOptions);
  const chats = createSqliteChatStore(storage, { groupMembersMax: 100 });
  const owner = "user_owner" as Parameters<typeof chats.createGroup>[0]["createdBy"];
  const chatKey = "(SELECT chat_key FROM chats WHERE chat_id = ?)";
  return {
    store: new SqliteMessageStore(storage, tail()),
    other: new SqliteMessageStore(storage, tail()),
    async createChat(chatId: ChatId) {
      const group = { chatId, name: "Team", createdBy: owner, memberIds: [], createdAtMs: 1 };
      await chats.createGroup({ ...group, idempotency: undefined });
    },
    async deleteCounter(chatId) {
      beside.query(`DELETE FROM chat_counters WHERE chat_key = ${chatKey}`).run(chatId);
    },
    async setCounter(chatId, sequence) {
      beside
        .query(`UPDATE chat_counters SET sequence_counter = ? WHERE chat_key = ${chatKey}`)
        .run(sequence, chatId);
    },
    async close() {
      await storage.close();
      beside.close();
      cleanUp();
    },
  };
}

function temporaryFile(): { path: string; cleanUp: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "message-store-"));
  return {
    path: join(dir, "test.sqlite"),
    cleanUp: () => rmSync(dir, { recursive: true, force: true }),
  };
}

messageStoreConformance("SQLite inline", async () => {
  const { path, cleanUp } = temporaryFile();
  return openOn(path, openInlineStorage(path), cleanUp);
});

messageStoreConformance("SQLite on its thread", async () => {
  const { path, cleanUp } = temporaryFile();
  return openOn(path, await openThreadStorage(path), cleanUp);
});

test("a store that is closed answers unavailable or unknown, it does not throw", async () => {
  const storage = openInlineStorage(":memory:");
  const store = new SqliteMessageStore(storage, tail());
  await storage.close();
  const [outcome] = await store.commit([batchOf(chatIdOf("a"), 0, [messageOf(1)])]);
  expect(outcome).toMatchObject({ kind: "unknown", cause: { code: "SERVICE_UNAVAILABLE" } });
});

test("a read outside 1 … 500 is a mistake of the caller", () => {
  const store = new SqliteMessageStore(openInlineStorage(":memory:"), tail());
  const range = { chatId: chatIdOf("a"), after: 0, before: undefined, direction: "forward" } as const;
  expect(() => store.read({ ...range, limit: 0 })).toThrow(/limit 0 is outside 1 … 500/);
  expect(() => store.read({ ...range, limit: 501 })).toThrow(RangeError);
});

test("a collision behind good messages takes the whole batch back", async () => {
  const { path, cleanUp } = temporaryFile();
  const opened = await openOn(path, openInlineStorage(path), cleanUp);
  const [chat, elsewhere] = [chatIdOf("a"), chatIdOf("b")];
  await opened.createChat(chat);
  await opened.createChat(elsewhere);
  await fill(opened.store, chat, 1, 3);
  const beside = openDatabase(path, defaultDatabaseOptions);
  beside.run("UPDATE messages SET sequence = 6 WHERE sequence = 3");
  beside.close();
  await opened.setCounter(chat, 3);
  const outcomes = await opened.store.commit([
    batchOf(elsewhere, 0, [messageOf(1)]),
    batchOf(chat, 3, [messageOf(4), messageOf(5), messageOf(9)]),
  ]);
  expect(outcomes).toMatchObject([{ kind: "committed" }, { kind: "sequence_collision", sequence: 6 }]);
  expect((await readAll(opened.store, chat, 10)).map((message) => message.sequence)).toEqual([1, 2, 6]);
  expect(await readAll(opened.store, elsewhere, 10)).toHaveLength(1);
  await opened.close();
});
