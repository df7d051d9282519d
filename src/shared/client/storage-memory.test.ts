import { storageConformance } from "./storage-conformance.ts";
import { MemoryStorage } from "./storage-memory.ts";

storageConformance("memory", async () => {
  const storage = new MemoryStorage();
  return { storage, reopen: undefined, close: () => storage.close() };
});
