/** Goal: the embedded store of REST outcomes keeps the port's promises. Records are written by creating a group. */
import type { ChatId, UserId } from "../domain/ids.ts";
import { createSqliteChatStore } from "./chat-store.sqlite.ts";
import { storageKinds } from "./conformance-storage.ts";
import { restIdempotencyStoreConformance } from "./rest-idempotency-store.conformance.ts";
import { createSqliteRestIdempotencyStore } from "./rest-idempotency-store.sqlite.ts";

for (const { name, open } of storageKinds) {
  restIdempotencyStoreConformance(name, async () => {
    const storage = await open();
    const chats = createSqliteChatStore(storage, { groupMembersMax: 100 });
    let written = 0;
    return {
      store: createSqliteRestIdempotencyStore(storage),
      write: async (record) => {
        written += 1;
        await chats.createGroup({
          chatId: `chat_${written}` as ChatId,
          name: "Team",
          createdBy: "user_a" as UserId,
          memberIds: ["user_b" as UserId],
          createdAtMs: record.createdAtMs,
          idempotency: record,
        });
      },
      close: () => storage.close(),
    };
  });
}
