/** A server of another process: commits messages into the directory in its argument until it is killed. */
import { createSqliteChatStore } from "../chat-store.sqlite.ts";
import { batchOf, chatIdOf, commitOne, messageOf } from "../message-store.harness.ts";
import { SqliteMessageStore } from "../message-store.sqlite.ts";
import { openDataDirectory } from "./data-directory.ts";
import { openInlineStorage } from "./inline-storage.ts";
import { LogTail } from "./log-tail.ts";

const directory = openDataDirectory(process.argv[2] ?? "");
const storage = openInlineStorage(directory.databasePath);
const store = new SqliteMessageStore(storage, new LogTail({ recordsMax: 10, producerId: "writer" }));
const chatId = chatIdOf("busy");
const createdBy = "user_owner" as Parameters<
  ReturnType<typeof createSqliteChatStore>["createGroup"]
>[0]["createdBy"];
await createSqliteChatStore(storage, { groupMembersMax: 100 }).createGroup({
  chatId,
  name: "Busy",
  createdBy,
  memberIds: [],
  createdAtMs: 1,
  idempotency: undefined,
});
for (let sequence = 0; ; sequence += 1) {
  const outcome = await commitOne(store, batchOf(chatId, sequence, [messageOf(sequence + 1)]));
  if (outcome.kind !== "committed") throw new Error(outcome.kind);
  process.stdout.write(`${outcome.sequence}\n`);
  await new Promise<void>((resolve) => setImmediate(resolve));
}
