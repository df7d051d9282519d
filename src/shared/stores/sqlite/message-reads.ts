/** Reads of messages, counters and idempotency keys. */
import type { ChatId, ClientMessageId, MessageId, UserId } from "../../domain/ids.ts";
import type {
  ChatCounter,
  IdempotencyKey,
  MessagePage,
  SequenceRange,
  StoredMessage,
} from "../message-store.ts";
import { clientIdBytes, clientIdText } from "./client-id.ts";
import { defineCommand, perDatabase } from "./command.ts";
import { counterOf, type KeyRow, keyOf } from "./message-commit.ts";

interface MessageRow {
  sequence: number;
  message_id: string;
  sender_id: string;
  client_id: Uint8Array | null;
  content: string;
  created_at_ms: number;
}

const columns = "sequence, message_id, sender_id, client_id, content, created_at_ms";

/** One table each: with bound values SQLite plans a join anew at every run, which costs ten times the lookups. */
const statements = perDatabase((db) => ({
  chatKey: db.query<{ chat_key: number }, [string]>("SELECT chat_key FROM chats WHERE chat_id = ?"),
  key: db.query<KeyRow, [number, Uint8Array]>(
    "SELECT message_id, sequence, sender_id, created_at_ms FROM messages WHERE chat_key = ? AND client_id = ?",
  ),
  counter: db.query<{ sequence_counter: number }, [number]>(
    "SELECT sequence_counter FROM chat_counters WHERE chat_key = ?",
  ),
  forward: db.query<MessageRow, [number, number, number, number]>(
    `SELECT ${columns} FROM messages WHERE chat_key = ? AND sequence > ? AND sequence < ? ORDER BY sequence LIMIT ?`,
  ),
  backward: db.query<MessageRow, [number, number, number, number]>(
    `SELECT ${columns} FROM messages WHERE chat_key = ? AND sequence > ? AND sequence < ?
     ORDER BY sequence DESC LIMIT ?`,
  ),
}));

type KeyName = { readonly chatId: ChatId; readonly clientMessageId: ClientMessageId };

export const findKeys = defineCommand<readonly KeyName[], (IdempotencyKey | undefined)[]>({
  name: "message.find_keys",
  kind: "lookup",
  run: (db, keys) => {
    const sql = statements(db);
    return keys.map((key) => {
      const chat = sql.chatKey.get(key.chatId);
      const row = chat && sql.key.get(chat.chat_key, clientIdBytes(key.clientMessageId));
      return row === null ? undefined : keyOf(key.chatId, key, row);
    });
  },
});

export const readCounters = defineCommand<readonly ChatId[], (ChatCounter | undefined)[]>({
  name: "message.counters",
  kind: "lookup",
  run: (db, chatIds) => {
    const sql = statements(db);
    return chatIds.map((chatId) => {
      const chat = sql.chatKey.get(chatId);
      const row = chat && sql.counter.get(chat.chat_key);
      return row === null ? undefined : counterOf(chatId, row.sequence_counter);
    });
  },
});

export const readMessages = defineCommand<SequenceRange, MessagePage>({
  name: "message.read",
  kind: "read",
  run: (db, { chatId, after, before, direction, limit }) => {
    const sql = statements(db);
    const chat = sql.chatKey.get(chatId);
    if (chat === null) return { messages: [], hasMore: false };
    const end = before ?? Number.MAX_SAFE_INTEGER;
    const rows = sql[direction].all(chat.chat_key, after, end, limit + 1);
    return {
      messages: rows.slice(0, limit).map((row) => storedMessage(chatId, row)),
      hasMore: rows.length > limit,
    };
  },
});

export const readLatest = defineCommand<readonly ChatId[], (StoredMessage | undefined)[]>({
  name: "message.latest",
  kind: "read",
  run: (db, chatIds) => {
    const sql = statements(db);
    return chatIds.map((chatId) => {
      const chat = sql.chatKey.get(chatId);
      const row = chat && sql.backward.get(chat.chat_key, 0, Number.MAX_SAFE_INTEGER, 1);
      return row === null ? undefined : storedMessage(chatId, row);
    });
  },
});

/** Rows looked at on either side of where the id's time would be. */
const nearby = 64;

/**
 * Finds a message by the time inside its id: ids of a chat ascend almost in sequence order, so a binary search
 * ends beside the message (OP-14). Undefined may still mean that a clock was wrong: see `scanForMessage`.
 */
export const findNearTime = defineCommand<
  { chatId: ChatId; messageId: MessageId },
  StoredMessage | undefined
>({
  name: "message.find_near_time",
  kind: "read",
  run: (db, { chatId, messageId }) => {
    const sql = statements(db);
    const chat = sql.chatKey.get(chatId);
    if (chat === null) return undefined;
    const at = (sequence: number): MessageRow | null =>
      sql.forward.get(chat.chat_key, sequence - 1, Number.MAX_SAFE_INTEGER, 1);
    let low = 1;
    let high = (sql.backward.get(chat.chat_key, 0, Number.MAX_SAFE_INTEGER, 1)?.sequence ?? 0) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((at(middle)?.message_id ?? messageId) < messageId) low = middle + 1;
      else high = middle;
    }
    const rows = sql.forward.all(chat.chat_key, low - nearby - 1, low + nearby, 2 * nearby);
    const row = rows.find((candidate) => candidate.message_id === messageId);
    return row === undefined ? undefined : storedMessage(chatId, row);
  },
});

/** Looks through `limit` messages after `after`; `next` is where to go on, undefined at the end of the chat. */
export const scanForMessage = defineCommand<
  { chatId: ChatId; messageId: MessageId; after: number; limit: number },
  { found: StoredMessage | undefined; next: number | undefined }
>({
  name: "message.scan",
  kind: "read",
  run: (db, { chatId, messageId, after, limit }) => {
    const sql = statements(db);
    const chat = sql.chatKey.get(chatId);
    const rows = chat ? sql.forward.all(chat.chat_key, after, Number.MAX_SAFE_INTEGER, limit) : [];
    const row = rows.find((candidate) => candidate.message_id === messageId);
    const found = row === undefined ? undefined : storedMessage(chatId, row);
    return { found, next: rows.length < limit ? undefined : rows.at(-1)?.sequence };
  },
});

function storedMessage(chatId: ChatId, row: MessageRow): StoredMessage {
  return {
    messageId: row.message_id as MessageId,
    chatId,
    sequence: row.sequence,
    senderId: row.sender_id as UserId,
    clientMessageId: row.client_id === null ? undefined : clientIdText(row.client_id),
    content: row.content,
    contentType: "text/plain",
    createdAtMs: row.created_at_ms,
  };
}
