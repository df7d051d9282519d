/** Delivery watermarks. */
import type { ChatId, UserId } from "../../domain/ids.ts";
import type { DeliveryState, WatermarkAdvance } from "../delivery-state-store.ts";
import { type AnyCommand, defineCommand, perDatabase } from "./command.ts";

interface StateRow {
  user_id: string;
  chat_id: string;
  last_acked_sequence: number;
  updated_at_ms: number;
}

const columns = "user_id, chat_id, last_acked_sequence, updated_at_ms";

const statements = perDatabase((db) => ({
  raise: db.query(
    `INSERT INTO delivery_state (${columns}) VALUES (?, ?, ?, ?) ON CONFLICT (user_id, chat_id)
     DO UPDATE SET last_acked_sequence = excluded.last_acked_sequence, updated_at_ms = excluded.updated_at_ms
     WHERE excluded.last_acked_sequence > last_acked_sequence`,
  ),
  get: db.query<StateRow, [string, string]>(
    `SELECT ${columns} FROM delivery_state WHERE user_id = ? AND chat_id = ?`,
  ),
  listOf: db.query<StateRow, [string]>(
    `SELECT ${columns} FROM delivery_state WHERE user_id = ? ORDER BY chat_id`,
  ),
}));

export const advanceWatermarks = defineCommand<readonly WatermarkAdvance[], DeliveryState[]>({
  name: "delivery.advance",
  kind: "write",
  run: (db, advances) => {
    const sql = statements(db);
    return advances.map(({ userId, chatId, sequence, nowMs }) => {
      const { changes } = sql.raise.run(userId, chatId, sequence, nowMs);
      if (changes > 0) return { userId, chatId, lastAckedSequence: sequence, updatedAtMs: nowMs };
      const row = sql.get.get(userId, chatId);
      if (row === null) throw new Error(`watermark of ${userId} in ${chatId} vanished`);
      return stateOf(row);
    });
  },
});

export const getWatermarks = defineCommand<
  readonly { readonly userId: UserId; readonly chatId: ChatId }[],
  (DeliveryState | undefined)[]
>({
  name: "delivery.get",
  kind: "read",
  run: (db, keys) => {
    const sql = statements(db);
    return keys.map(({ userId, chatId }) => {
      const row = sql.get.get(userId, chatId);
      return row === null ? undefined : stateOf(row);
    });
  },
});

export const listWatermarks = defineCommand<UserId, DeliveryState[]>({
  name: "delivery.list_of",
  kind: "read",
  run: (db, userId) => statements(db).listOf.all(userId).map(stateOf),
});

export const deliveryCommands: readonly AnyCommand[] = [advanceWatermarks, getWatermarks, listWatermarks];

function stateOf(row: StateRow): DeliveryState {
  return {
    userId: row.user_id as UserId,
    chatId: row.chat_id as ChatId,
    lastAckedSequence: row.last_acked_sequence,
    updatedAtMs: row.updated_at_ms,
  };
}
