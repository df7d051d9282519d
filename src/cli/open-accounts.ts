/** What the tools need to make users and sessions straight in a data directory, beside a running server or not. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { SeedDeps } from "../chatmgmt/seed.ts";
import { JoseAccessTokens } from "../shared/auth/access-tokens.jose.ts";
import { openKeyFiles } from "../shared/auth/key-files.ts";
import { KeyRing } from "../shared/auth/key-ring.ts";
import { createIds } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import { systemClock } from "../shared/runtime/system-clock.ts";
import { systemRandom } from "../shared/runtime/system-random.ts";
import { createSqliteChatStore } from "../shared/stores/chat-store.sqlite.ts";
import { createSqliteSessionStore } from "../shared/stores/session-store.sqlite.ts";
import type { SessionStore } from "../shared/stores/session-store.ts";
import { databaseFileName } from "../shared/stores/sqlite/data-directory.ts";
import { openInlineStorage } from "../shared/stores/sqlite/inline-storage.ts";
import { createSqliteUserStore } from "../shared/stores/user-store.sqlite.ts";
import type { UserStore } from "../shared/stores/user-store.ts";

export interface Accounts extends SeedDeps, AsyncDisposable {
  readonly users: UserStore;
  readonly sessions: SessionStore;
}

/**
 * Makes the directory, the database and the keys when they are missing, as the server would on its first start.
 * @throws {Error} one line: the directory, the database or a key cannot be used
 */
export async function openAccounts(directory: string): Promise<Accounts> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { signingKeys } = await openKeyFiles(directory, systemRandom);
  const keys = await KeyRing.open({
    source: () => Promise.resolve(signingKeys),
    clock: systemClock,
    onReloadFailed: () => undefined,
  });
  const storage = openInlineStorage(join(directory, databaseFileName));
  return {
    users: createSqliteUserStore(storage),
    sessions: createSqliteSessionStore(storage),
    chats: createSqliteChatStore(storage, { groupMembersMax: limits.groupMembersMax }),
    accessTokens: new JoseAccessTokens({ keys, clock: systemClock, cachedTokensMax: 1 }),
    clock: systemClock,
    random: systemRandom,
    ids: createIds(systemClock, systemRandom),
    [Symbol.asyncDispose]: () => storage.close(),
  };
}
