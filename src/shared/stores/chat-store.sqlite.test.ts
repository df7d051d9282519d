/** Goal: the embedded chat store keeps the port's promises. Method: the conformance suite over each storage, in memory. */
import { expect, test } from "bun:test";
import type { ChatId, UserId } from "../domain/ids.ts";
import { chatStoreConformance } from "./chat-store.conformance.ts";
import { createSqliteChatStore } from "./chat-store.sqlite.ts";
import { refusalOf } from "./conformance-refusal.ts";
import { storageKinds } from "./conformance-storage.ts";
import { createSqliteRestIdempotencyStore } from "./rest-idempotency-store.sqlite.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { readCounters } from "./sqlite/message-reads.ts";

for (const { name, open } of storageKinds) {
  chatStoreConformance(name, async () => {
    const storage = await open();
    return {
      store: createSqliteChatStore(storage, { groupMembersMax: 100 }),
      idempotency: createSqliteRestIdempotencyStore(storage),
      counter: async (chatId) => (await storage.run(readCounters, [chatId]))[0]?.sequence,
      close: () => storage.close(),
    };
  });
}

test("a group that names someone twice is refused and leaves nothing", async () => {
  const storage = openInlineStorage(":memory:");
  const store = createSqliteChatStore(storage, { groupMembersMax: 100 });
  const owner = "user_o" as UserId;
  const member = "user_m" as UserId;
  for (const memberIds of [[member, member], [owner]]) {
    const group = { chatId: "chat_g" as ChatId, name: "Team", createdBy: owner, memberIds, createdAtMs: 1 };
    expect(await refusalOf(store.createGroup({ ...group, idempotency: undefined }))).toBeInstanceOf(
      RangeError,
    );
  }
  expect(await store.getChat("chat_g" as ChatId)).toBeUndefined();
  await storage.close();
});

test("a chat id that is taken undoes the whole creation", async () => {
  const storage = openInlineStorage(":memory:");
  const store = createSqliteChatStore(storage, { groupMembersMax: 100 });
  const [a, b, c] = ["user_a", "user_b", "user_c"] as [UserId, UserId, UserId];
  const chatId = "chat_same" as ChatId;
  const direct = { chatId, createdBy: a, createdAtMs: 1, idempotency: undefined };
  await store.createDirect({ ...direct, otherUserId: b });
  expect(await refusalOf(store.createDirect({ ...direct, otherUserId: c }))).toBeInstanceOf(Error);
  expect(await store.listMembershipsOf(c)).toEqual([]);
  const retried = await store.createDirect({ ...direct, chatId: "chat_other" as ChatId, otherUserId: c });
  expect(retried.created).toBe(true);
  await storage.close();
});
