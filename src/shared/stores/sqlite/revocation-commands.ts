/** Revoked access tokens, until they expire. */
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";

export interface RevokedToken {
  readonly jti: string;
  readonly expiresAtMs: number;
}

const statements = perDatabase((db) => ({
  revoke: db.query(
    `INSERT INTO revoked_tokens (jti, expires_at_ms) VALUES (?, ?)
     ON CONFLICT (jti) DO UPDATE SET expires_at_ms = max(expires_at_ms, excluded.expires_at_ms)`,
  ),
  find: db.query<{ jti: string }, [string]>("SELECT jti FROM revoked_tokens WHERE jti = ?"),
  list: db.query<{ jti: string }, [number]>("SELECT jti FROM revoked_tokens LIMIT ?"),
  expire: db.query<{ jti: string }, [number, number]>(
    `DELETE FROM revoked_tokens WHERE jti IN
       (SELECT jti FROM revoked_tokens WHERE expires_at_ms < ? ORDER BY expires_at_ms LIMIT ?)
     RETURNING jti`,
  ),
}));

export const revokeTokens = defineCommand<readonly RevokedToken[], void>({
  name: "revocation.revoke",
  kind: "write",
  run: (db, tokens) => {
    const sql = statements(db);
    for (const { jti, expiresAtMs } of tokens) sql.revoke.run(jti, expiresAtMs);
  },
});

export const readRevoked = defineCommand<readonly string[], boolean[]>({
  name: "revocation.find",
  kind: "lookup",
  run: (db, jtis) => {
    const sql = statements(db);
    return jtis.map((jti) => sql.find.get(jti) !== null);
  },
});

/** Up to `limit` of all that are held. */
export const listRevoked = defineCommand<number, string[]>({
  name: "revocation.list",
  kind: "read",
  run: (db, limit) =>
    statements(db)
      .list.all(limit)
      .map((row) => row.jti),
});

/** @returns what was deleted. */
export const expireRevoked = defineCommand<{ nowMs: number; limit: number }, string[]>({
  name: "revocation.expire",
  kind: "write",
  run: (db, { nowMs, limit }) =>
    statements(db)
      .expire.all(nowMs, limit)
      .map((row) => row.jti),
});

export const revocationCommands: readonly AnyCommand[] = [
  revokeTokens,
  readRevoked,
  listRevoked,
  expireRevoked,
];
