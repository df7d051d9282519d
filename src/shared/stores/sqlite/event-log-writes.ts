/** Appending to the topics that have rows of their own, and retention for all of them. */
import type { Database } from "bun:sqlite";
import type { NewLogRecord, Topic } from "../event-log.ts";
import { defineCommand } from "./command.ts";

/** Offset of the next record of a topic other than `messages.persisted`: dense, and never given twice. */
export function nextOffset(db: Database, topic: Topic): number {
  const row = db
    .query<{ next: number }, [string]>(
      `SELECT max(
         coalesce((SELECT max(log_offset) FROM event_log WHERE topic = ?1), 0) + 1,
         coalesce((SELECT log_offset FROM log_starts WHERE topic = ?1), 1)
       ) AS next`,
    )
    .get(topic);
  return row?.next ?? 1;
}

/** Appends records of one topic; they get consecutive offsets. @returns the first one */
export const appendRecords = defineCommand<{ topic: Topic; records: readonly NewLogRecord[] }, number>({
  name: "event_log.append",
  kind: "write",
  run: (db, { topic, records }) => {
    const first = nextOffset(db, topic);
    const insert = db.query("INSERT INTO event_log VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (const [index, record] of records.entries()) {
      const headers = JSON.stringify(record.headers);
      insert.run(
        topic,
        first + index,
        record.partition,
        record.key,
        headers,
        record.value,
        record.timestampMs,
      );
    }
    return first;
  },
});

/**
 * Moves the start of a topic over up to `limit` records older than `beforeMs`. Rows of other topics go away;
 * messages stay, they are just not delivered to a new group any more. @returns how many
 */
export const expireRecords = defineCommand<{ topic: Topic; beforeMs: number; limit: number }, number>({
  name: "event_log.expire",
  kind: "write",
  run: (db, { topic, beforeMs, limit }) => {
    const start = startOf(db, topic);
    const times =
      topic === "messages.persisted"
        ? "SELECT created_at_ms AS time_ms FROM messages WHERE log_offset >= ? ORDER BY log_offset LIMIT ?"
        : `SELECT timestamp_ms AS time_ms FROM event_log
           WHERE topic = '${topic}' AND log_offset >= ? ORDER BY log_offset LIMIT ?`;
    const rows = db.query<{ time_ms: number }, [number, number]>(times).all(start, limit);
    const young = rows.findIndex((row) => row.time_ms >= beforeMs);
    const expired = young < 0 ? rows.length : young;
    if (expired === 0) return 0;
    db.query(
      "INSERT INTO log_starts VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET log_offset = excluded.log_offset",
    ).run(topic, start + expired);
    db.query("DELETE FROM event_log WHERE topic = ? AND log_offset < ?").run(topic, start + expired);
    return expired;
  },
});

/** The oldest offset that retention still holds. */
export function startOf(db: Database, topic: Topic): number {
  const row = db
    .query<{ log_offset: number }, [string]>("SELECT log_offset FROM log_starts WHERE topic = ?")
    .get(topic);
  return row?.log_offset ?? 1;
}
