import { type ClientStorage, storageKeys } from "./storage.ts";

const batchMax = 1000;

/** Deletes what belongs to an account: chats, messages, the outbox. Device id and session stay. */
export async function wipeAccount(storage: ClientStorage): Promise<void> {
  for (const prefix of [storageKeys.outboxPrefix, storageKeys.chatPrefix, storageKeys.allMessagesPrefix]) {
    for (;;) {
      const entries = await storage.list(prefix, { before: undefined, limit: batchMax, reverse: false });
      if (entries.length === 0) break;
      await storage.write(entries.map(({ key }) => ({ key, value: undefined })));
    }
  }
}
