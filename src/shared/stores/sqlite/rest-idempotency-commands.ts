/** Outcomes of REST calls: written inside the effect's transaction by the commands of other areas, read here. */
import type { Database } from "bun:sqlite";
import { TriplaneError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import type { NewRestIdempotencyRecord } from "../rest-idempotency-store.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";

interface Row {
  request_hash: string;
  status_code: number;
  resource_ids: string;
  created_at_ms: number;
}

const statements = perDatabase((db) => ({
  find: db.query<Row, [string]>(
    "SELECT request_hash, status_code, resource_ids, created_at_ms FROM rest_idempotency_keys WHERE scope_key = ?",
  ),
  put: db.query(
    `INSERT OR REPLACE INTO rest_idempotency_keys (scope_key, request_hash, status_code, resource_ids, created_at_ms)
     VALUES (?, ?, ?, ?, ?)`,
  ),
  expire: db.query(
    `DELETE FROM rest_idempotency_keys WHERE scope_key IN
       (SELECT scope_key FROM rest_idempotency_keys WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT ?)`,
  ),
}));

/** The record, unless it is older than 24 h at `nowMs`: then the key is new. */
export const findIdempotency = defineCommand<
  { scopeKey: string; nowMs: number },
  NewRestIdempotencyRecord | undefined
>({
  name: "rest_idempotency.find",
  kind: "read",
  run: (db, { scopeKey, nowMs }) => {
    const row = statements(db).find.get(scopeKey);
    if (row === null || row.created_at_ms + limits.restIdempotencyWindowMs <= nowMs) return undefined;
    return {
      scopeKey,
      requestHash: row.request_hash,
      statusCode: row.status_code,
      resourceIds: JSON.parse(row.resource_ids),
      createdAtMs: row.created_at_ms,
    };
  },
});

export const expireIdempotency = defineCommand<{ beforeMs: number; limit: number }, number>({
  name: "rest_idempotency.expire",
  kind: "write",
  run: (db, { beforeMs, limit }) => statements(db).expire.run(beforeMs, limit).changes,
});

export const restIdempotencyCommands: readonly AnyCommand[] = [findIdempotency, expireIdempotency];

/** For the commands that take a record along. @throws {TriplaneError} CONFLICT: the key has an outcome already */
export function requireNewIdempotencyKey(db: Database, record: NewRestIdempotencyRecord | undefined): void {
  if (record === undefined) return;
  const { scopeKey, createdAtMs } = record;
  if (findIdempotency.run(db, { scopeKey, nowMs: createdAtMs }) === undefined) return;
  throw new TriplaneError("CONFLICT", "A request with this idempotency key has just been answered");
}

/** Stores the outcome; a record that is older than its 24 h gives way. To be called after `requireNewIdempotencyKey`. */
export function putIdempotency(db: Database, record: NewRestIdempotencyRecord | undefined): void {
  if (record === undefined) return;
  const { scopeKey, requestHash, statusCode, resourceIds, createdAtMs } = record;
  statements(db).put.run(scopeKey, requestHash, statusCode, JSON.stringify(resourceIds), createdAtMs);
}
