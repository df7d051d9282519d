/** What every session store must do. Tests carry the names of the invariants of ADR-015. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";
import type { Session, SessionStore, TokenRotation } from "./session-store.ts";

export interface OpenSessionStore {
  readonly store: SessionStore;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const dayMs = 24 * 3600 * 1000;
const alice = "user_alice" as UserId;
const none = "sess_none" as SessionId;

function sessionOf(number: number, changes: Partial<Session> = {}): Session {
  const createdAtMs = startMs + number * 1000;
  return {
    sessionId: `sess_${number}` as SessionId,
    userId: alice,
    deviceId: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` as DeviceId,
    refreshTokenHash: `hash${number}`,
    previousTokenHash: null,
    tokenFamily: `family${number}`,
    tokenGeneration: 0,
    liveTokens: [{ jti: `jti${number}`, exp: 1_769_857_200 }],
    createdAtMs,
    expiresAtMs: createdAtMs + 30 * dayMs,
    lastActiveAtMs: createdAtMs,
    ...changes,
  };
}

function rotationOf(session: Session, changes: Partial<TokenRotation> = {}): TokenRotation {
  return {
    sessionId: session.sessionId,
    expectedHash: session.refreshTokenHash,
    refreshTokenHash: "hash-next",
    previousTokenHash: session.refreshTokenHash,
    liveTokens: [...session.liveTokens, { jti: "jti-next", exp: 1_769_860_800 }],
    nowMs: session.createdAtMs + 60_000,
    ...changes,
  };
}

export function sessionStoreConformance(name: string, open: () => Promise<OpenSessionStore>): void {
  describe(`${name} as SessionStore`, () => {
    let opened: OpenSessionStore;
    let store: SessionStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    test("a session comes back whole; an unknown one is undefined", async () => {
      const session = sessionOf(1, { previousTokenHash: "older", tokenGeneration: 7, liveTokens: [] });
      await store.createSessions([session]);
      expect(await store.getSession(session.sessionId)).toEqual(session);
      expect(await store.getSession(none)).toBeUndefined();
    });

    test("a user's sessions come with the oldest first, and only theirs", async () => {
      const sessions = [3, 1, 2].map((number) => sessionOf(number));
      await store.createSessions([...sessions, sessionOf(4, { userId: "user_bob" as UserId })]);
      expect(await store.listSessions(alice)).toEqual([1, 2, 3].map((number) => sessionOf(number)));
      expect(await store.listSessions("user_nobody" as UserId)).toEqual([]);
    });

    test("session_device_bound: a rotation changes the tokens and nothing else", async () => {
      const session = sessionOf(1);
      await store.createSessions([session, sessionOf(2)]);
      const rotation = rotationOf(session);
      expect(await store.rotateTokens(rotation)).toBe(true);
      expect(await store.getSession(session.sessionId)).toEqual({
        ...session,
        refreshTokenHash: "hash-next",
        previousTokenHash: session.refreshTokenHash,
        tokenGeneration: 1,
        liveTokens: rotation.liveTokens,
        lastActiveAtMs: session.createdAtMs + 60_000,
      });
      expect(await store.getSession(sessionOf(2).sessionId)).toEqual(sessionOf(2));
    });

    test("a rotation without a previous hash forgets the one before", async () => {
      const session = sessionOf(1, { previousTokenHash: "older" });
      await store.createSessions([session]);
      expect(await store.rotateTokens(rotationOf(session, { previousTokenHash: null }))).toBe(true);
      expect(await store.getSession(session.sessionId)).toMatchObject({
        refreshTokenHash: "hash-next",
        previousTokenHash: null,
      });
    });

    test("a rotation on another hash than the stored one changes nothing", async () => {
      const session = sessionOf(1, { previousTokenHash: "older" });
      await store.createSessions([session]);
      expect(await store.rotateTokens(rotationOf(session, { expectedHash: "older" }))).toBe(false);
      expect(await store.getSession(session.sessionId)).toEqual(session);
      expect(await store.rotateTokens({ ...rotationOf(session), sessionId: none })).toBe(false);
      expect(await store.getSession(none)).toBeUndefined();
    });

    test("of rotations that race on one hash exactly one holds", async () => {
      const session = sessionOf(1);
      await store.createSessions([session]);
      const held = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          store.rotateTokens(rotationOf(session, { refreshTokenHash: `next${index}` })),
        ),
      );
      expect(held.filter((answer) => answer)).toHaveLength(1);
      expect(await store.getSession(session.sessionId)).toMatchObject({
        refreshTokenHash: `next${held.indexOf(true)}`,
        tokenGeneration: 1,
      });
    });

    test("a deleted session does not come back by a rotation or a touch that was on its way", async () => {
      const session = sessionOf(1);
      await store.createSessions([session]);
      await store.deleteSessions([session.sessionId]);
      expect(await store.rotateTokens(rotationOf(session))).toBe(false);
      await store.touch(session.sessionId, startMs + dayMs);
      expect(await store.getSession(session.sessionId)).toBeUndefined();
      expect(await store.listSessions(alice)).toEqual([]);
    });

    test("deletion is of several at once, idempotent, and leaves the others", async () => {
      await store.createSessions([1, 2, 3].map((number) => sessionOf(number)));
      const doomed = [sessionOf(1).sessionId, none, sessionOf(3).sessionId];
      await store.deleteSessions(doomed);
      await store.deleteSessions(doomed);
      await store.deleteSessions([]);
      expect(await store.listSessions(alice)).toEqual([sessionOf(2)]);
    });

    test("a touch moves the last activity forward, never back, and nothing else", async () => {
      const session = sessionOf(1);
      await store.createSessions([session]);
      await store.touch(session.sessionId, session.createdAtMs + 5000);
      await store.touch(session.sessionId, session.createdAtMs + 4000);
      await store.touch(none, startMs);
      expect(await store.getSession(session.sessionId)).toEqual({
        ...session,
        lastActiveAtMs: session.createdAtMs + 5000,
      });
    });

    test("expired sessions are deleted up to the limit, live ones never", async () => {
      const expired = [1, 2, 3].map((number) => sessionOf(number, { expiresAtMs: startMs + number }));
      await store.createSessions([...expired, sessionOf(4)]);
      expect(await store.expire(startMs + 100, 2)).toBe(2);
      expect(await store.listSessions(alice)).toHaveLength(2);
      expect(await store.expire(startMs + 100, 10)).toBe(1);
      expect(await store.expire(startMs + 100, 10)).toBe(0);
      expect(await store.listSessions(alice)).toEqual([sessionOf(4)]);
    });
  });
}
