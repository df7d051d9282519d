/** Goal: the embedded session store keeps the port's promises. Method: the conformance suite over each storage, in memory. */
import { expect, test } from "bun:test";
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";
import { refusalOf } from "./conformance-refusal.ts";
import { storageKinds } from "./conformance-storage.ts";
import { sessionStoreConformance } from "./session-store.conformance.ts";
import { createSqliteSessionStore } from "./session-store.sqlite.ts";
import type { Session } from "./session-store.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";

for (const { name, open } of storageKinds) {
  sessionStoreConformance(name, async () => {
    const storage = await open();
    return { store: createSqliteSessionStore(storage), close: () => storage.close() };
  });
}

test("a bulk in which one session exists already creates none", async () => {
  const storage = openInlineStorage(":memory:");
  const store = createSqliteSessionStore(storage);
  const session = (sessionId: string): Session => ({
    sessionId: sessionId as SessionId,
    userId: "user_a" as UserId,
    deviceId: "00000000-0000-4000-8000-000000000001" as DeviceId,
    refreshTokenHash: "hash",
    previousTokenHash: null,
    tokenFamily: "family",
    tokenGeneration: 0,
    liveTokens: [],
    createdAtMs: 1,
    expiresAtMs: 2,
    lastActiveAtMs: 1,
  });
  await store.createSessions([session("sess_1")]);
  expect(await refusalOf(store.createSessions([session("sess_2"), session("sess_1")]))).toBeInstanceOf(Error);
  expect(await store.listSessions("user_a" as UserId)).toHaveLength(1);
  await storage.close();
});
