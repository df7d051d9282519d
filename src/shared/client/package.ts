/** What `triplane/client` offers: the client, its storages, the errors and types a program meets. Nothing in here imports this file. */
export type { ChatClient } from "./chat-client.ts";
export { TriplaneClient } from "./client.ts";
export { ConnectionStoppedError, LoggedOutError, RestError, SendError } from "./client-errors.ts";
export type { ClientOptions } from "./client-options.ts";
export type { ClientEvents } from "./events.ts";
export { openSharedClient } from "./shared-client.ts";
export type { ClientStorage } from "./storage.ts";
export { FileStorage } from "./storage-file.ts";
export { IndexedDbStorage } from "./storage-indexeddb.ts";
export { MemoryStorage } from "./storage-memory.ts";
