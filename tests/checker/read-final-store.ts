/** Reads the final store out of a standalone server's database file, after the server has stopped. */
import { Database } from "bun:sqlite";
import type { FinalStore } from "./final-store.ts";

interface MessageRow {
  readonly chat_id: string;
  readonly sequence: number;
  readonly message_id: string;
  /** 16 bytes, null once the key expired. */
  readonly client_id: Uint8Array | null;
  readonly sender_id: string;
  readonly content: string;
  readonly created_at_ms: number;
}

/**
 * In the embedded schema the message's row is its idempotency key as well, and a commit is its publication: keys
 * and `publishedSequence` follow from it.
 * @throws {Error} the file is missing, is no database, or has another schema
 */
export function readFinalStore(path: string): FinalStore {
  const db = new Database(path, { readonly: true, strict: true });
  try {
    const rows = db
      .query<MessageRow, []>(
        `SELECT chat_id, sequence, message_id, client_id, sender_id, content, messages.created_at_ms
         FROM messages LEFT JOIN chats USING (chat_key)`,
      )
      .all();
    const messages = rows.map((row) => ({
      // A message without its chat is kept apart, so that the checker reports it.
      chatId: row.chat_id ?? "a chat that is not stored",
      sequence: row.sequence,
      messageId: row.message_id,
      clientMessageId: row.client_id === null ? null : uuidText(row.client_id),
      senderId: row.sender_id,
      content: row.content,
      createdAt: new Date(row.created_at_ms).toISOString(),
    }));
    const counters = db
      .query<{ chatId: string; sequence: number }, []>(
        `SELECT chat_id AS chatId, sequence_counter AS sequence
         FROM chat_counters JOIN chats USING (chat_key)`,
      )
      .all();
    return {
      messages,
      counters: counters.map((counter) => ({ ...counter, publishedSequence: counter.sequence })),
      idempotencyKeys: messages.flatMap(({ chatId, clientMessageId, messageId, sequence }) =>
        clientMessageId === null ? [] : [{ chatId, clientMessageId, messageId, sequence }],
      ),
      watermarks: db
        .query<{ userId: string; chatId: string; lastAckedSequence: number }, []>(
          `SELECT user_id AS userId, chat_id AS chatId, last_acked_sequence AS lastAckedSequence
           FROM delivery_state`,
        )
        .all(),
      memberships: db
        .query<{ chatId: string; userId: string }, []>(
          "SELECT chat_id AS chatId, user_id AS userId FROM chat_memberships",
        )
        .all(),
    };
  } finally {
    db.close();
  }
}

function uuidText(bytes: Uint8Array): string {
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
