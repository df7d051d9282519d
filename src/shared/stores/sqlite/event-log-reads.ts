/** Reading topics from their tables: for consumers that are behind the tail in memory. */
import type { Database } from "bun:sqlite";
import { type Topic, topics } from "../event-log.ts";
import { clientIdText } from "./client-id.ts";
import { defineCommand, perDatabase } from "./command.ts";
import { nextOffset } from "./event-log-writes.ts";
import { type MessageRecordFields, messagePartition } from "./message-record.ts";

export interface RowRecord {
  readonly offset: number;
  readonly partition: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly value: Uint8Array;
}

export interface ReadRecordsInput {
  readonly topic: Topic;
  readonly from: number;
  /** Exclusive; undefined = to the end. */
  readonly to: number | undefined;
  /** Only this partition; undefined = all. */
  readonly partition: number | undefined;
  /** Rows looked at. */
  readonly limit: number;
}

export interface ReadRecordsOutput {
  readonly messages: readonly MessageRecordFields[];
  readonly rows: readonly RowRecord[];
  /** Everything below was looked at. */
  readonly next: number;
}

interface MessageLogRow {
  log_offset: number;
  chat_id: string;
  sequence: number;
  message_id: string;
  client_id: Uint8Array | null;
  sender_id: string;
  content: string;
  created_at_ms: number;
  origin_connection_id: string | null;
  traceparent: string | null;
}

interface EventRow {
  log_offset: number;
  partition: number;
  record_key: string | null;
  headers: string;
  value: Uint8Array;
  timestamp_ms: number;
}

const statements = perDatabase((db) => ({
  messages: db.query<MessageLogRow, [number, number, number]>(
    `SELECT m.log_offset, c.chat_id, m.sequence, m.message_id, m.client_id, m.sender_id, m.content,
       m.created_at_ms, m.origin_connection_id, m.traceparent
     FROM messages m JOIN chats c ON c.chat_key = m.chat_key
     WHERE m.log_offset >= ? AND m.log_offset < ? ORDER BY m.log_offset LIMIT ?`,
  ),
  events: db.query<EventRow, [string, number, number, number]>(
    `SELECT log_offset, partition, record_key, headers, value, timestamp_ms FROM event_log
     WHERE topic = ? AND log_offset >= ? AND log_offset < ? ORDER BY log_offset LIMIT ?`,
  ),
}));

export const readRecords = defineCommand<ReadRecordsInput, ReadRecordsOutput>({
  name: "event_log.read",
  kind: "read",
  run: (db, { topic, from, to, partition, limit }) => {
    const end = to ?? Number.MAX_SAFE_INTEGER;
    if (topic === "messages.persisted") {
      const found = statements(db).messages.all(from, end, limit);
      const wanted =
        partition === undefined ? found : found.filter((row) => messagePartition(row.chat_id) === partition);
      return { messages: wanted.map(messageFields), rows: [], next: nextFrom(found, from, to, limit) };
    }
    const found = statements(db).events.all(topic, from, end, limit);
    const wanted = partition === undefined ? found : found.filter((row) => row.partition === partition);
    return { messages: [], rows: wanted.map(rowRecord), next: nextFrom(found, from, to, limit) };
  },
});

/** Offset after the newest record of a topic. */
export const topicEnd = defineCommand<Topic, number>({
  name: "event_log.end",
  kind: "read",
  run: endOf,
});

function endOf(db: Database, topic: Topic): number {
  if (topic !== "messages.persisted") return nextOffset(db, topic);
  const row = db.query<{ newest: number | null }, []>("SELECT max(log_offset) AS newest FROM messages").get();
  return (row?.newest ?? 0) + 1;
}

/** Counts the records at or above each partition's position: exact, by a walk over the range. */
export const countRecords = defineCommand<{ topic: Topic; positions: readonly number[] }, number>({
  name: "event_log.count",
  kind: "read",
  run: (db, { topic, positions }) => {
    const from = Math.min(...positions);
    const rows =
      topic === "messages.persisted"
        ? db
            .query<{ log_offset: number; chat_id: string }, [number]>(
              "SELECT m.log_offset, c.chat_id FROM messages m JOIN chats c USING (chat_key) WHERE m.log_offset >= ?",
            )
            .iterate(from)
        : db
            .query<{ log_offset: number; partition: number }, [string, number]>(
              "SELECT log_offset, partition FROM event_log WHERE topic = ? AND log_offset >= ?",
            )
            .iterate(topic, from);
    let count = 0;
    for (const row of rows) {
      const partition = "chat_id" in row ? messagePartition(row.chat_id) : row.partition;
      if (row.log_offset >= (positions[partition % topics[topic].partitions] ?? 0)) count += 1;
    }
    return count;
  },
});

function nextFrom(
  rows: readonly { log_offset: number }[],
  from: number,
  to: number | undefined,
  limit: number,
): number {
  const last = rows.at(-1);
  if (rows.length < limit && to !== undefined) return to;
  return last === undefined ? from : last.log_offset + 1;
}

function messageFields(row: MessageLogRow): MessageRecordFields {
  return {
    offset: row.log_offset,
    chatId: row.chat_id,
    sequence: row.sequence,
    messageId: row.message_id,
    clientMessageId: row.client_id === null ? undefined : clientIdText(row.client_id),
    senderId: row.sender_id,
    content: row.content,
    createdAtMs: row.created_at_ms,
    originConnectionId: row.origin_connection_id ?? undefined,
    traceparent: row.traceparent ?? undefined,
  };
}

function rowRecord(row: EventRow): RowRecord {
  return {
    offset: row.log_offset,
    partition: row.partition,
    key: row.record_key,
    headers: JSON.parse(row.headers) as Readonly<Record<string, string>>,
    timestampMs: row.timestamp_ms,
    value: row.value,
  };
}
