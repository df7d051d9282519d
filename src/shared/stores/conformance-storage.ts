/** The storages that every SQLite store's conformance suite runs over: values must survive the way between threads. */
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import type { Storage } from "./sqlite/storage.ts";
import { openThreadStorage } from "./sqlite/thread-storage.ts";

export const storageKinds: readonly { readonly name: string; open(): Promise<Storage> }[] = [
  { name: "SQLite inline", open: async () => openInlineStorage(":memory:") },
  { name: "SQLite behind a thread", open: () => openThreadStorage(":memory:") },
];
