/** Goal: the embedded stores end an account as a whole. Method: the conformance suite over each storage, in memory. */
import { accountStoreConformance } from "./account-store.conformance.ts";
import { createSqliteAccountStore } from "./account-store.sqlite.ts";
import { createSqliteChatStore } from "./chat-store.sqlite.ts";
import { storageKinds } from "./conformance-storage.ts";
import { createSqliteOtpStore } from "./otp-store.sqlite.ts";
import { createSqliteRestIdempotencyStore } from "./rest-idempotency-store.sqlite.ts";
import { createSqliteSessionStore } from "./session-store.sqlite.ts";
import { createSqliteUserStore } from "./user-store.sqlite.ts";

for (const { name, open } of storageKinds) {
  accountStoreConformance(name, async () => {
    const storage = await open();
    return {
      store: createSqliteAccountStore(storage),
      users: createSqliteUserStore(storage),
      sessions: createSqliteSessionStore(storage),
      chats: createSqliteChatStore(storage, { groupMembersMax: 100 }),
      otps: createSqliteOtpStore(storage),
      restIdempotency: createSqliteRestIdempotencyStore(storage),
      close: () => storage.close(),
    };
  });
}
