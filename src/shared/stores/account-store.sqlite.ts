/** The end of accounts in the embedded database: one transaction. See the port. */
import type { AccountStore } from "./account-store.ts";
import { deleteAccount } from "./sqlite/account-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

export function createSqliteAccountStore(storage: Storage): AccountStore {
  return { deleteAccount: (deletion) => storage.run(deleteAccount, deletion) };
}
