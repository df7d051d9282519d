/** Sessions in the embedded database. See the port. */
import type { SessionStore } from "./session-store.ts";
import {
  createSessions,
  deleteSessions,
  expireSessions,
  listSessions,
  readSession,
  rotateTokens,
  touchSession,
} from "./sqlite/session-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

export function createSqliteSessionStore(storage: Storage): SessionStore {
  return {
    getSession: (sessionId) => storage.run(readSession, sessionId),
    listSessions: (userId) => storage.run(listSessions, userId),
    rotateTokens: (rotation) => storage.run(rotateTokens, rotation),
    deleteSessions: async (sessionIds) => {
      if (sessionIds.length > 0) await storage.run(deleteSessions, sessionIds);
    },
    touch: (sessionId, nowMs) => storage.run(touchSession, { sessionId, nowMs }),
    createSessions: (sessions) => storage.run(createSessions, sessions),
    expire: (nowMs, limit) => storage.run(expireSessions, { nowMs, limit }),
  };
}
