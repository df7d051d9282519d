/** What the browser tests call from outside the page. */
import { openSharedClient } from "./shared-client.ts";
import { IndexedDbStorage } from "./storage-indexeddb.ts";

const surface = { openSharedClient, IndexedDbStorage };
export type BrowserSurface = typeof surface;
Object.assign(globalThis, { triplane: surface });
