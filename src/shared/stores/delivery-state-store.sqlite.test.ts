/** Goal: the embedded watermarks keep the port's promises. Method: the conformance suite on a database in memory. */
import { deliveryStateConformance } from "./delivery-state-store.conformance.ts";
import { SqliteDeliveryStateStore } from "./delivery-state-store.sqlite.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";

deliveryStateConformance("SQLite", async () => {
  const storage = openInlineStorage(":memory:");
  return { store: new SqliteDeliveryStateStore(storage), close: () => storage.close() };
});
