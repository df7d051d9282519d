/** Goal: the embedded user store keeps the port's promises. Method: the conformance suite on a database in memory. */
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { userStoreConformance } from "./user-store.conformance.ts";
import { createSqliteUserStore } from "./user-store.sqlite.ts";

userStoreConformance("SQLite", async () => {
  const storage = openInlineStorage(":memory:");
  return { store: createSqliteUserStore(storage), close: () => storage.close() };
});
