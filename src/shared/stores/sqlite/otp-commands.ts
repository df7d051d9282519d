/** One-time codes, and the login that consumes one. */
import type { Database } from "bun:sqlite";
import type { DeviceId, SessionId } from "../../domain/ids.ts";
import type { ConsumeOutcome, NewOtp, OtpConsumption, OtpRecord } from "../otp-store.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";
import { insertSession, removeSessions } from "./session-commands.ts";
import { findUsersByPhone, insertUser } from "./user-commands.ts";

interface OtpRow {
  phone_hash: string;
  otp_mac: string;
  otp_ciphertext: string;
  created_at_ms: number;
  expires_at_ms: number;
  attempt_count: number;
  status: OtpRecord["status"];
  verified_session_id: string | null;
  verified_device_id: string | null;
  was_new_user: number | null;
}

const columns = `phone_hash, otp_mac, otp_ciphertext, created_at_ms, expires_at_ms, attempt_count, status,
  verified_session_id, verified_device_id, was_new_user`;

const statements = perDatabase((db) => ({
  get: db.query<OtpRow, [string]>(`SELECT ${columns} FROM otp_requests WHERE phone_hash = ?`),
  put: db.query(
    `INSERT OR REPLACE INTO otp_requests (${columns}) VALUES (?, ?, ?, ?, ?, 0, 'pending', NULL, NULL, NULL)`,
  ),
  countFailure: db.query<{ attempt_count: number }, [string, number]>(
    `UPDATE otp_requests SET attempt_count = attempt_count + (attempt_count < ?2) WHERE phone_hash = ?1
     RETURNING attempt_count`,
  ),
  verify: db.query(
    `UPDATE otp_requests SET status = 'verified', verified_session_id = ?2, verified_device_id = ?3,
       was_new_user = ?4
     WHERE phone_hash = ?1`,
  ),
  expire: db.query(
    `DELETE FROM otp_requests WHERE phone_hash IN
       (SELECT phone_hash FROM otp_requests WHERE expires_at_ms < ? ORDER BY expires_at_ms LIMIT ?)`,
  ),
}));

export const readOtp = defineCommand<string, OtpRecord | undefined>({
  name: "otp.get",
  kind: "read",
  run: recordOf,
});

export const putOtp = defineCommand<
  { otp: NewOtp; attemptsMax: number },
  { stored: boolean; record: OtpRecord }
>({
  name: "otp.put",
  kind: "write",
  run: (db, { otp, attemptsMax }) => {
    const active = recordOf(db, otp.phoneHash);
    if (active !== undefined && isActive(active, otp.createdAtMs, attemptsMax)) {
      return { stored: false, record: active };
    }
    const { phoneHash, otpMac, otpCiphertext, createdAtMs, expiresAtMs } = otp;
    statements(db).put.run(phoneHash, otpMac, otpCiphertext, createdAtMs, expiresAtMs);
    const fresh = { attemptCount: 0, status: "pending", wasNewUser: null } as const;
    return { stored: true, record: { ...otp, ...fresh, verifiedSessionId: null, verifiedDeviceId: null } };
  },
});

export const countOtpFailure = defineCommand<{ phoneHash: string; attemptsMax: number }, number | undefined>({
  name: "otp.count_failure",
  kind: "write",
  run: (db, { phoneHash, attemptsMax }) =>
    statements(db).countFailure.get(phoneHash, attemptsMax)?.attempt_count,
});

/** All conditions are looked at before the first write: a refusal has nothing to undo. */
export const consumeOtp = defineCommand<OtpConsumption, ConsumeOutcome>({
  name: "otp.consume",
  kind: "write",
  run: (db, { phoneHash, otpMac, nowMs, attemptsMax, newUser, session, replacedSessionIds }) => {
    const record = recordOf(db, phoneHash);
    if (record === undefined || !isActive(record, nowMs, attemptsMax) || record.otpMac !== otpMac) {
      return { kind: "refused" };
    }
    if (newUser !== undefined) {
      const [registered] = findUsersByPhone.run(db, [newUser.phoneNumber]);
      if (registered !== undefined) return { kind: "phone_taken", userId: registered.userId };
      insertUser(db, newUser);
    }
    removeSessions(db, replacedSessionIds);
    insertSession(db, session);
    const isNewUser = newUser === undefined ? 0 : 1;
    statements(db).verify.run(phoneHash, session.sessionId, session.deviceId, isNewUser);
    return { kind: "consumed" };
  },
});

export const expireOtps = defineCommand<{ beforeMs: number; limit: number }, number>({
  name: "otp.expire",
  kind: "write",
  run: (db, { beforeMs, limit }) => statements(db).expire.run(beforeMs, limit).changes,
});

export const otpCommands: readonly AnyCommand[] = [readOtp, putOtp, countOtpFailure, consumeOtp, expireOtps];

function isActive(record: OtpRecord, nowMs: number, attemptsMax: number): boolean {
  return record.status === "pending" && nowMs < record.expiresAtMs && record.attemptCount < attemptsMax;
}

function recordOf(db: Database, phoneHash: string): OtpRecord | undefined {
  const row = statements(db).get.get(phoneHash);
  if (row === null) return undefined;
  return {
    phoneHash,
    otpMac: row.otp_mac,
    otpCiphertext: row.otp_ciphertext,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    attemptCount: row.attempt_count,
    status: row.status,
    verifiedSessionId: row.verified_session_id as SessionId | null,
    verifiedDeviceId: row.verified_device_id as DeviceId | null,
    wasNewUser: row.was_new_user === null ? null : row.was_new_user === 1,
  };
}
