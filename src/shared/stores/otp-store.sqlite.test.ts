/** Goal: the embedded store of codes keeps the port's promises, a failing transaction included. */
import { expect, test } from "bun:test";
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";
import { refusalOf } from "./conformance-refusal.ts";
import { storageKinds } from "./conformance-storage.ts";
import { otpStoreConformance } from "./otp-store.conformance.ts";
import { createSqliteOtpStore } from "./otp-store.sqlite.ts";
import { createSqliteSessionStore } from "./session-store.sqlite.ts";
import type { Session } from "./session-store.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { createSqliteUserStore } from "./user-store.sqlite.ts";

for (const { name, open } of storageKinds) {
  otpStoreConformance(name, async () => {
    const storage = await open();
    return {
      store: createSqliteOtpStore(storage),
      users: createSqliteUserStore(storage),
      sessions: createSqliteSessionStore(storage),
      close: () => storage.close(),
    };
  });
}

test("otp_consumption_atomic: when the session cannot be stored, the code stays pending and no user exists", async () => {
  const storage = openInlineStorage(":memory:");
  const store = createSqliteOtpStore(storage);
  const sessions = createSqliteSessionStore(storage);
  const userId = "user_a" as UserId;
  const session: Session = {
    sessionId: "sess_taken" as SessionId,
    userId,
    deviceId: "00000000-0000-4000-8000-000000000001" as DeviceId,
    refreshTokenHash: "hash",
    previousTokenHash: null,
    tokenFamily: "family",
    tokenGeneration: 0,
    liveTokens: [],
    createdAtMs: 1,
    expiresAtMs: 1_000_000,
    lastActiveAtMs: 1,
  };
  const other = { ...session, sessionId: "sess_other" as SessionId };
  await sessions.createSessions([session, other]);
  const otp = { phoneHash: "aa", otpMac: "mac", otpCiphertext: "c", createdAtMs: 1, expiresAtMs: 1_000 };
  const { record } = await store.put(otp, 5);
  const newUser = { userId, phoneNumber: "+14155550001", displayName: null, createdAtMs: 1, updatedAtMs: 1 };
  const replacedSessionIds = [other.sessionId];
  const consumption = {
    phoneHash: "aa",
    otpMac: "mac",
    nowMs: 2,
    attemptsMax: 5,
    newUser,
    replacedSessionIds,
  };
  expect(await refusalOf(store.consume({ ...consumption, session }))).toBeInstanceOf(Error);
  expect(await store.get("aa")).toEqual(record);
  expect(await createSqliteUserStore(storage).getUsers([userId])).toEqual([undefined]);
  expect(await sessions.listSessions(userId)).toHaveLength(2);
  await storage.close();
});
