/** Sessions. They begin with a login (`otp-commands.ts`) or in bulk by a tool. */
import type { Database } from "bun:sqlite";
import type { DeviceId, SessionId, UserId } from "../../domain/ids.ts";
import type { Session, TokenRotation } from "../session-store.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";

interface SessionRow {
  session_id: string;
  user_id: string;
  device_id: string;
  refresh_token_hash: string;
  previous_token_hash: string | null;
  token_family: string;
  token_generation: number;
  live_tokens: string;
  created_at_ms: number;
  expires_at_ms: number;
  last_active_at_ms: number;
}

const columns = `session_id, user_id, device_id, refresh_token_hash, previous_token_hash, token_family,
  token_generation, live_tokens, created_at_ms, expires_at_ms, last_active_at_ms`;

const statements = perDatabase((db) => ({
  get: db.query<SessionRow, [string]>(`SELECT ${columns} FROM sessions WHERE session_id = ?`),
  list: db.query<SessionRow, [string]>(
    `SELECT ${columns} FROM sessions WHERE user_id = ? ORDER BY created_at_ms, session_id LIMIT 1000`,
  ),
  rotate: db.query(
    `UPDATE sessions SET refresh_token_hash = ?3, previous_token_hash = ?4, live_tokens = ?5,
       token_generation = token_generation + 1, last_active_at_ms = max(last_active_at_ms, ?6)
     WHERE session_id = ?1 AND refresh_token_hash = ?2`,
  ),
  delete: db.query("DELETE FROM sessions WHERE session_id = ?"),
  touch: db.query("UPDATE sessions SET last_active_at_ms = max(last_active_at_ms, ?2) WHERE session_id = ?1"),
  insert: db.query(`INSERT INTO sessions (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  expire: db.query(
    `DELETE FROM sessions WHERE session_id IN
       (SELECT session_id FROM sessions WHERE expires_at_ms < ? ORDER BY expires_at_ms LIMIT ?)`,
  ),
}));

export const readSession = defineCommand<SessionId, Session | undefined>({
  name: "session.get",
  kind: "lookup",
  run: (db, sessionId) => {
    const row = statements(db).get.get(sessionId);
    return row === null ? undefined : sessionOf(row);
  },
});

export const listSessions = defineCommand<UserId, Session[]>({
  name: "session.list",
  kind: "read",
  run: (db, userId) => statements(db).list.all(userId).map(sessionOf),
});

export const rotateTokens = defineCommand<TokenRotation, boolean>({
  name: "session.rotate_tokens",
  kind: "write",
  run: (db, rotation) => {
    const { sessionId, expectedHash, refreshTokenHash, previousTokenHash, liveTokens, nowMs } = rotation;
    const { changes } = statements(db).rotate.run(
      sessionId,
      expectedHash,
      refreshTokenHash,
      previousTokenHash,
      JSON.stringify(liveTokens),
      nowMs,
    );
    return changes > 0;
  },
});

export const deleteSessions = defineCommand<readonly SessionId[], void>({
  name: "session.delete",
  kind: "write",
  run: (db, sessionIds) => removeSessions(db, sessionIds),
});

export const touchSession = defineCommand<{ sessionId: SessionId; nowMs: number }, void>({
  name: "session.touch",
  kind: "write",
  run: (db, { sessionId, nowMs }) => {
    statements(db).touch.run(sessionId, nowMs);
  },
});

export const createSessions = defineCommand<readonly Session[], void>({
  name: "session.create",
  kind: "write",
  run: (db, sessions) => {
    for (const session of sessions) insertSession(db, session);
  },
});

export const expireSessions = defineCommand<{ nowMs: number; limit: number }, number>({
  name: "session.expire",
  kind: "write",
  run: (db, { nowMs, limit }) => statements(db).expire.run(nowMs, limit).changes,
});

export const sessionCommands: readonly AnyCommand[] = [
  readSession,
  listSessions,
  rotateTokens,
  deleteSessions,
  touchSession,
  createSessions,
  expireSessions,
];

/** @throws when the session id exists already */
export function insertSession(db: Database, session: Session): void {
  statements(db).insert.run(
    session.sessionId,
    session.userId,
    session.deviceId,
    session.refreshTokenHash,
    session.previousTokenHash,
    session.tokenFamily,
    session.tokenGeneration,
    JSON.stringify(session.liveTokens),
    session.createdAtMs,
    session.expiresAtMs,
    session.lastActiveAtMs,
  );
}

export function removeSessions(db: Database, sessionIds: readonly SessionId[]): void {
  const sql = statements(db);
  for (const sessionId of sessionIds) sql.delete.run(sessionId);
}

function sessionOf(row: SessionRow): Session {
  return {
    sessionId: row.session_id as SessionId,
    userId: row.user_id as UserId,
    deviceId: row.device_id as DeviceId,
    refreshTokenHash: row.refresh_token_hash,
    previousTokenHash: row.previous_token_hash,
    tokenFamily: row.token_family,
    tokenGeneration: row.token_generation,
    liveTokens: JSON.parse(row.live_tokens),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    lastActiveAtMs: row.last_active_at_ms,
  };
}
