/** Goal: the embedded user store keeps the port's promises. Method: the conformance suite over each storage, in memory. */
import { storageKinds } from "./conformance-storage.ts";
import { userStoreConformance } from "./user-store.conformance.ts";
import { createSqliteUserStore } from "./user-store.sqlite.ts";

for (const { name, open } of storageKinds) {
  userStoreConformance(name, async () => {
    const storage = await open();
    return { store: createSqliteUserStore(storage), close: () => storage.close() };
  });
}
