/** The commit of messages: numbers, keys, messages and log records of all waiting chats in one transaction. */
import type { Database } from "bun:sqlite";
import type { ChatId } from "../../domain/ids.ts";
import type { ChatBatch, ChatCounter, IdempotencyKey, NewMessage } from "../message-store.ts";
import { clientIdBytes } from "./client-id.ts";
import { defineCommand, perDatabase } from "./command.ts";

/** One batch's outcome, as small as it can be: most batches have no duplicate. */
export type CommitResult =
  | {
      readonly kind: "committed";
      readonly sequence: number;
      /** Log offset of the first stored message; the others follow without a hole. */
      readonly firstOffset: number;
      /** By index in the batch, ascending; all other messages are stored, densely. */
      readonly duplicates: readonly { readonly index: number; readonly key: IdempotencyKey }[];
    }
  | { readonly kind: "lost_race"; readonly counter: ChatCounter }
  | { readonly kind: "counter_missing" }
  | { readonly kind: "sequence_collision"; readonly sequence: number };

interface CounterRow {
  chat_key: number;
  sequence_counter: number | null;
}

export interface KeyRow {
  message_id: string;
  sequence: number;
  sender_id: string;
  created_at_ms: number;
}

const statements = perDatabase((db) => ({
  counter: db.query<CounterRow, [string]>(
    // Not a join: with bound values SQLite plans one anew at every run, which costs ten times the lookup.
    `SELECT chat_key, (SELECT sequence_counter FROM chat_counters k WHERE k.chat_key = c.chat_key)
       AS sequence_counter FROM chats c WHERE chat_id = ?`,
  ),
  insert: db.query(
    `INSERT INTO messages (chat_key, sequence, client_id, message_id, sender_id, content, created_at_ms,
       origin_connection_id, traceparent)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (chat_key, client_id) WHERE client_id IS NOT NULL DO NOTHING`,
  ),
  key: db.query<KeyRow, [number, Uint8Array]>(
    "SELECT message_id, sequence, sender_id, created_at_ms FROM messages WHERE chat_key = ? AND client_id = ?",
  ),
  advance: db.query("UPDATE chat_counters SET sequence_counter = ? WHERE chat_key = ?"),
  undo: db.query("DELETE FROM messages WHERE log_offset >= ?"),
}));

type Statements = ReturnType<typeof statements>;

export const commitMessages = defineCommand<readonly ChatBatch[], CommitResult[]>({
  name: "message.commit",
  kind: "write",
  run: (db: Database, batches) => {
    const sql = statements(db);
    return batches.map((batch) => commitBatch(sql, batch));
  },
});

function commitBatch(sql: Statements, batch: ChatBatch): CommitResult {
  const counter = sql.counter.get(batch.chatId);
  if (counter === null || counter.sequence_counter === null) return { kind: "counter_missing" };
  if (counter.sequence_counter !== batch.expectedSequence) {
    return { kind: "lost_race", counter: counterOf(batch.chatId, counter.sequence_counter) };
  }
  const chatKey = counter.chat_key;
  const duplicates: { index: number; key: IdempotencyKey }[] = [];
  let sequence = batch.expectedSequence;
  let firstOffset = 0;
  for (const [index, message] of batch.messages.entries()) {
    const offset = insert(sql, chatKey, sequence + 1, message);
    if (offset !== undefined) {
      sequence += 1;
      firstOffset ||= offset;
      continue;
    }
    const key = sql.key.get(chatKey, clientIdBytes(message.clientMessageId));
    if (key === null) {
      // Rows inserted last have the highest offsets: this batch alone is taken back.
      if (firstOffset > 0) sql.undo.run(firstOffset);
      return { kind: "sequence_collision", sequence: sequence + 1 };
    }
    duplicates.push({ index, key: keyOf(batch.chatId, message, key) });
  }
  if (firstOffset > 0) sql.advance.run(sequence, chatKey);
  return { kind: "committed", sequence, firstOffset, duplicates };
}

/** @returns the log offset, or undefined when the key or the sequence is taken. */
function insert(sql: Statements, chatKey: number, sequence: number, message: NewMessage): number | undefined {
  try {
    const { changes, lastInsertRowid } = sql.insert.run(
      chatKey,
      sequence,
      clientIdBytes(message.clientMessageId),
      message.messageId,
      message.senderId,
      message.content,
      message.createdAtMs,
      message.originConnectionId ?? null,
      message.traceparent ?? null,
    );
    return changes === 0 ? undefined : Number(lastInsertRowid);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "SQLITE_CONSTRAINT_UNIQUE")
      return undefined;
    throw thrown;
  }
}

/** Published on commit: both numbers are one. */
export function counterOf(chatId: ChatId, sequence: number): ChatCounter {
  return { chatId, sequence, publishedSequence: sequence };
}

export function keyOf(
  chatId: ChatId,
  asked: Pick<NewMessage, "clientMessageId">,
  row: KeyRow,
): IdempotencyKey {
  return {
    chatId,
    clientMessageId: asked.clientMessageId,
    messageId: row.message_id as IdempotencyKey["messageId"],
    sequence: row.sequence,
    senderId: row.sender_id as IdempotencyKey["senderId"],
    createdAtMs: row.created_at_ms,
  };
}
