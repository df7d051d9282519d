/** Rare writes: the repair of a counter and the ageing of idempotency keys. */
import type { ChatId } from "../../domain/ids.ts";
import type { ChatCounter } from "../message-store.ts";
import { defineCommand } from "./command.ts";
import { counterOf } from "./message-commit.ts";

export const repairCounter = defineCommand<ChatId, ChatCounter | undefined>({
  name: "message.repair_counter",
  kind: "write",
  run: (db, chatId) => {
    const row = db
      .query<{ chat_key: number; highest: number }, [string]>(
        `SELECT c.chat_key, coalesce((SELECT max(sequence) FROM messages m WHERE m.chat_key = c.chat_key), 0) AS highest
         FROM chats c WHERE c.chat_id = ?`,
      )
      .get(chatId);
    if (row === null) return undefined;
    const repaired = db
      .query<{ sequence_counter: number }, [number, number]>(
        `INSERT INTO chat_counters (chat_key, sequence_counter) VALUES (?, ?)
         ON CONFLICT (chat_key) DO UPDATE SET sequence_counter = max(sequence_counter, excluded.sequence_counter)
         RETURNING sequence_counter`,
      )
      .get(row.chat_key, row.highest);
    return counterOf(chatId, repaired?.sequence_counter ?? row.highest);
  },
});

/** Names the row of `log_starts` below which no message has a key any more. */
const keysStart = "idempotency_keys";
/** Rows looked at per row asked for, so that a stretch without keys does not end the work. */
const scanFactor = 10;

export const expireMessageKeys = defineCommand<{ beforeMs: number; limit: number }, number>({
  name: "message.expire_keys",
  kind: "write",
  run: (db, { beforeMs, limit }) => {
    const start = db
      .query<{ log_offset: number }, [string]>("SELECT log_offset FROM log_starts WHERE topic = ?")
      .get(keysStart);
    const rows = db
      .query<{ log_offset: number; created_at_ms: number; keyed: number }, [number, number]>(
        `SELECT log_offset, created_at_ms, client_id IS NOT NULL AS keyed FROM messages
         WHERE log_offset >= ? ORDER BY log_offset LIMIT ?`,
      )
      .all(start?.log_offset ?? 0, limit * scanFactor);
    const clear = db.query("UPDATE messages SET client_id = NULL WHERE log_offset = ?");
    let cleared = 0;
    let next = start?.log_offset ?? 0;
    for (const row of rows) {
      if (row.created_at_ms >= beforeMs || cleared >= limit) break;
      if (row.keyed === 1) {
        clear.run(row.log_offset);
        cleared += 1;
      }
      next = row.log_offset + 1;
    }
    db.query(
      "INSERT INTO log_starts VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET log_offset = excluded.log_offset",
    ).run(keysStart, next);
    return cleared;
  },
});
