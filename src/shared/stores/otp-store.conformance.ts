/** What every store of one-time codes must do. Tests carry the names of the invariants of ADR-015. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";
import type { NewOtp, OtpConsumption, OtpStore } from "./otp-store.ts";
import type { Session, SessionStore } from "./session-store.ts";
import type { User, UserStore } from "./user-store.ts";

export interface OpenOtpStore {
  readonly store: OtpStore;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const validMs = 300_000;
const attemptsMax = 5;
const phoneHash = "aa".repeat(32);
const phoneNumber = "+14155550001";

function otpOf(mac: string, createdAtMs = startMs): NewOtp {
  return {
    phoneHash,
    otpMac: mac,
    otpCiphertext: `cipher-${mac}`,
    createdAtMs,
    expiresAtMs: createdAtMs + validMs,
  };
}

function userOf(id: string): User {
  const userId = `user_${id}` as UserId;
  return { userId, phoneNumber, displayName: null, createdAtMs: startMs, updatedAtMs: startMs };
}

function sessionOf(id: string, userId: string): Session {
  return {
    sessionId: `sess_${id}` as SessionId,
    userId: `user_${userId}` as UserId,
    deviceId: "00000000-0000-4000-8000-000000000001" as DeviceId,
    refreshTokenHash: `hash-${id}`,
    previousTokenHash: null,
    tokenFamily: `family-${id}`,
    tokenGeneration: 0,
    liveTokens: [],
    createdAtMs: startMs + 1000,
    expiresAtMs: startMs + 30 * 24 * 3600 * 1000,
    lastActiveAtMs: startMs + 1000,
  };
}

/** A login with the right code by a new user, unless told otherwise. */
function loginOf(id: string, changes: Partial<OtpConsumption> = {}): OtpConsumption {
  return {
    phoneHash,
    otpMac: "mac",
    nowMs: startMs + 1000,
    attemptsMax,
    newUser: userOf(id),
    session: sessionOf(id, id),
    replacedSessionIds: [],
    ...changes,
  };
}

export function otpStoreConformance(name: string, open: () => Promise<OpenOtpStore>): void {
  describe(`${name} as OtpStore`, () => {
    let opened: OpenOtpStore;
    let store: OtpStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    /** Everything a login may change, to show that a refused one changed nothing. */
    const everything = async (): Promise<unknown> => [
      await store.get(phoneHash),
      await opened.users.findByPhone([phoneNumber]),
      await Promise.all(["a", "b", "old"].map((id) => opened.sessions.listSessions(`user_${id}` as UserId))),
    ];

    test("a new code is pending and untried", async () => {
      expect(await store.get(phoneHash)).toBeUndefined();
      const record = {
        ...otpOf("mac"),
        attemptCount: 0,
        status: "pending",
        verifiedSessionId: null,
        verifiedDeviceId: null,
        wasNewUser: null,
      } as const;
      expect(await store.put(otpOf("mac"), attemptsMax)).toEqual({ stored: true, record });
      expect(await store.get(phoneHash)).toEqual(record);
      expect(await store.get("bb".repeat(32))).toBeUndefined();
    });

    test("otp_single_active: while a code is active another is not stored, the active one is answered", async () => {
      const { record } = await store.put(otpOf("mac"), attemptsMax);
      expect(await store.put(otpOf("other", startMs + validMs - 1), attemptsMax)).toEqual({
        stored: false,
        record,
      });
      for (let attempt = 1; attempt < attemptsMax; attempt += 1)
        await store.countFailure(phoneHash, attemptsMax);
      expect((await store.put(otpOf("other", startMs + 1000), attemptsMax)).stored).toBe(false);
    });

    test("otp_single_active: an expired, an exhausted and a used code give way", async () => {
      await store.put(otpOf("expired"), attemptsMax);
      const later = startMs + validMs;
      expect((await store.put(otpOf("exhausted", later), attemptsMax)).stored).toBe(true);
      for (let attempt = 0; attempt < attemptsMax; attempt += 1)
        await store.countFailure(phoneHash, attemptsMax);
      const used = await store.put(otpOf("mac", later + 1), attemptsMax);
      expect(used).toMatchObject({ stored: true, record: { attemptCount: 0, status: "pending" } });
      expect(await store.consume(loginOf("a", { nowMs: later + 2 }))).toEqual({ kind: "consumed" });
      const fresh = await store.put(otpOf("fresh", later + 3), attemptsMax);
      expect(fresh).toMatchObject({
        stored: true,
        record: { otpMac: "fresh", status: "pending", verifiedSessionId: null, wasNewUser: null },
      });
      expect(await store.get(phoneHash)).toEqual(fresh.record);
    });

    test("otp_single_active: of codes that race one is stored and all callers get it", async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => store.put(otpOf(`mac${index}`), attemptsMax)),
      );
      expect(answers.filter((answer) => answer.stored)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.record.otpMac)).size).toBe(1);
    });

    test("failures are counted up to the limit and no further; without a record there is nothing to count", async () => {
      expect(await store.countFailure(phoneHash, attemptsMax)).toBeUndefined();
      expect(await store.get(phoneHash)).toBeUndefined();
      await store.put(otpOf("mac"), attemptsMax);
      const counts = await Promise.all(
        Array.from({ length: 8 }, () => store.countFailure(phoneHash, attemptsMax)),
      );
      expect(counts.sort()).toEqual([1, 2, 3, 4, 5, 5, 5, 5]);
      expect(await store.get(phoneHash)).toMatchObject({ attemptCount: 5, status: "pending" });
    });

    test("otp_consumption_atomic: a first login verifies the code and makes the user and the session at once", async () => {
      await store.put(otpOf("mac"), attemptsMax);
      await store.countFailure(phoneHash, attemptsMax);
      const login = loginOf("a");
      expect(await store.consume(login)).toEqual({ kind: "consumed" });
      expect(await store.get(phoneHash)).toEqual({
        ...otpOf("mac"),
        attemptCount: 1,
        status: "verified",
        verifiedSessionId: login.session.sessionId,
        verifiedDeviceId: login.session.deviceId,
        wasNewUser: true,
      });
      expect(await opened.users.findByPhone([phoneNumber])).toEqual([userOf("a")]);
      expect(await opened.sessions.getSession(login.session.sessionId)).toEqual(login.session);
    });

    test("otp_consumption_atomic: a later login replaces the sessions it names in the same step", async () => {
      await opened.users.createUsers([userOf("a")]);
      const kept = sessionOf("kept", "a");
      await opened.sessions.createSessions([sessionOf("old1", "a"), kept, sessionOf("old2", "a")]);
      await store.put(otpOf("mac"), attemptsMax);
      const session = { ...sessionOf("new", "a"), createdAtMs: startMs + 2000 };
      const replacedSessionIds = ["sess_old1", "sess_old2", "sess_gone"] as SessionId[];
      expect(await store.consume(loginOf("a", { newUser: undefined, session, replacedSessionIds }))).toEqual({
        kind: "consumed",
      });
      expect(await opened.sessions.listSessions(session.userId)).toEqual([kept, session]);
      expect(await store.get(phoneHash)).toMatchObject({ status: "verified", wasNewUser: false });
    });

    test.each([
      ["another code", { otpMac: "wrong" }],
      ["an unknown number", { phoneHash: "bb".repeat(32) }],
      ["a code that has just expired", { nowMs: startMs + validMs }],
      ["a code with too many failures", { attemptsMax: 2 }],
    ] as const)("otp_consumption_atomic: %s is refused and nothing changes", async (_, changes) => {
      await opened.sessions.createSessions([sessionOf("old", "old")]);
      await store.put(otpOf("mac"), attemptsMax);
      await store.countFailure(phoneHash, attemptsMax);
      await store.countFailure(phoneHash, attemptsMax);
      const before = await everything();
      const login = loginOf("a", { replacedSessionIds: ["sess_old" as SessionId], ...changes });
      expect(await store.consume(login)).toEqual({ kind: "refused" });
      expect(await everything()).toEqual(before);
      expect(await opened.sessions.getSession(login.session.sessionId)).toBeUndefined();
    });

    test("a code lives up to its last millisecond", async () => {
      await store.put(otpOf("mac"), attemptsMax);
      expect(await store.consume(loginOf("a", { nowMs: startMs + validMs - 1 }))).toEqual({
        kind: "consumed",
      });
    });

    test("a code is used once: a second login is refused and changes nothing", async () => {
      await store.put(otpOf("mac"), attemptsMax);
      await store.consume(loginOf("a"));
      const before = await everything();
      const second = loginOf("b", { newUser: undefined, replacedSessionIds: ["sess_a" as SessionId] });
      expect(await store.consume(second)).toEqual({ kind: "refused" });
      expect(await everything()).toEqual(before);
    });

    test("phone_uniqueness_enforced: a number registered meanwhile answers its user, and the code stays usable", async () => {
      await opened.users.createUsers([userOf("a")]);
      await store.put(otpOf("mac"), attemptsMax);
      const before = await everything();
      expect(await store.consume(loginOf("b"))).toEqual({ kind: "phone_taken", userId: userOf("a").userId });
      expect(await everything()).toEqual(before);
      const retried = loginOf("b", { newUser: undefined, session: sessionOf("b", "a") });
      expect(await store.consume(retried)).toEqual({ kind: "consumed" });
    });

    test("otp_consumption_atomic: of logins that race on one code exactly one opens a session", async () => {
      await store.put(otpOf("mac"), attemptsMax);
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) => store.consume(loginOf(`${index}`))),
      );
      const winner = outcomes.findIndex((outcome) => outcome.kind === "consumed");
      expect(outcomes.filter((outcome) => outcome.kind === "consumed")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.kind === "refused")).toHaveLength(9);
      const sessions = await Promise.all(
        outcomes.map((_, index) => opened.sessions.getSession(`sess_${index}` as SessionId)),
      );
      expect(sessions.flatMap((session) => session?.sessionId ?? [])).toEqual([
        `sess_${winner}` as SessionId,
      ]);
      expect((await opened.users.findByPhone([phoneNumber]))[0]?.userId).toBe(`user_${winner}` as UserId);
      expect((await store.get(phoneHash))?.verifiedSessionId).toBe(`sess_${winner}` as SessionId);
    });

    test("records that expired before the given time are deleted up to the limit, verified ones too", async () => {
      const hashes = ["11", "22", "33"].map((byte) => byte.repeat(32));
      for (const [index, hash] of hashes.entries()) {
        await store.put({ ...otpOf("mac", startMs + index * 1000), phoneHash: hash }, attemptsMax);
      }
      await store.consume(loginOf("a", { phoneHash: hashes[0] as string }));
      expect(await store.expire(startMs + validMs + 1500, 1)).toBe(1);
      expect(await store.expire(startMs + validMs + 1500, 10)).toBe(1);
      expect(await store.expire(startMs + validMs + 1500, 10)).toBe(0);
      const left = await Promise.all(hashes.map((hash) => store.get(hash)));
      expect(left.map((record) => record?.phoneHash)).toEqual([undefined, undefined, hashes[2]]);
    });
  });
}
