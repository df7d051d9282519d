/** Users in the embedded database. See the port. */
import type { Storage } from "./sqlite/storage.ts";
import { createUsers, findUsersByPhone, readUsers, setDisplayName } from "./sqlite/user-commands.ts";
import type { UserStore } from "./user-store.ts";

/** @throws {TriplaneError} CONFLICT from `createUsers`: a phone number is registered; nothing is written */
export function createSqliteUserStore(storage: Storage): UserStore {
  return {
    getUsers: async (userIds) => (userIds.length === 0 ? [] : storage.run(readUsers, userIds)),
    findByPhone: (phoneNumbers) => storage.run(findUsersByPhone, phoneNumbers),
    setDisplayName: (userId, displayName, nowMs) =>
      storage.run(setDisplayName, { userId, displayName, nowMs }),
    createUsers: (users) => storage.run(createUsers, users),
  };
}
