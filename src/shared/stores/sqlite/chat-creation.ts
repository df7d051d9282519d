/** Creation of chats: the chat, its counter, its members and what goes along, in one transaction. */
import type { Database } from "bun:sqlite";
import { type ChatType, directPairKey, type Role } from "../../domain/chat.ts";
import type { ChatId, UserId } from "../../domain/ids.ts";
import type { Chat, NewDirectChat, NewGroup } from "../chat-store.ts";
import { readChats } from "./chat-reads.ts";
import { defineCommand, perDatabase } from "./command.ts";
import { putIdempotency, requireNewIdempotencyKey } from "./rest-idempotency-commands.ts";
import { refuseTombstones } from "./tombstone.ts";

const statements = perDatabase((db) => ({
  direct: db.query<{ chat_id: string }, [string]>("SELECT chat_id FROM direct_chat_index WHERE pair_key = ?"),
  indexDirect: db.query("INSERT INTO direct_chat_index (pair_key, chat_id) VALUES (?, ?)"),
  chat: db.query(
    `INSERT INTO chats (chat_id, chat_type, name, created_by, member_count, created_at_ms, updated_at_ms)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)`,
  ),
  counter: db.query("INSERT INTO chat_counters (chat_key, sequence_counter) VALUES (?, 0)"),
  member: db.query(
    "INSERT INTO chat_memberships (chat_id, user_id, role, joined_at_ms, muted_until) VALUES (?, ?, ?, ?, NULL)",
  ),
}));

export const findDirectChat = defineCommand<readonly [UserId, UserId], Chat | undefined>({
  name: "chat.find_direct",
  kind: "read",
  run: (db, [userId, otherUserId]) => {
    const existing = statements(db).direct.get(directPairKey(userId, otherUserId));
    return existing === null ? undefined : chatById(db, existing.chat_id as ChatId);
  },
});

/** A pair that has a chat keeps it: nothing is written then, no idempotency record either. */
export const createDirectChat = defineCommand<NewDirectChat, { created: boolean; chat: Chat }>({
  name: "chat.create_direct",
  kind: "write",
  run: (db, { chatId, createdBy, otherUserId, createdAtMs, idempotency }) => {
    const sql = statements(db);
    const pairKey = directPairKey(createdBy, otherUserId);
    const existing = sql.direct.get(pairKey);
    if (existing !== null) return { created: false, chat: chatById(db, existing.chat_id as ChatId) };
    requireNewIdempotencyKey(db, idempotency);
    refuseTombstones(db, [createdBy, otherUserId]);
    sql.indexDirect.run(pairKey, chatId);
    insertChat(db, { chatId, type: "direct", name: null, createdBy, createdAtMs }, [
      [createdBy, "member"],
      [otherUserId, "member"],
    ]);
    putIdempotency(db, idempotency);
    return { created: true, chat: chatById(db, chatId) };
  },
});

export const createGroupChat = defineCommand<NewGroup, Chat>({
  name: "chat.create_group",
  kind: "write",
  run: (db, { chatId, name, createdBy, memberIds, createdAtMs, idempotency }) => {
    requireNewIdempotencyKey(db, idempotency);
    refuseTombstones(db, [createdBy, ...memberIds]);
    insertChat(db, { chatId, type: "group", name, createdBy, createdAtMs }, [
      [createdBy, "owner"],
      ...memberIds.map((userId): [UserId, Role] => [userId, "member"]),
    ]);
    putIdempotency(db, idempotency);
    return chatById(db, chatId);
  },
});

interface NewChat {
  readonly chatId: ChatId;
  readonly type: ChatType;
  readonly name: string | null;
  readonly createdBy: UserId;
  readonly createdAtMs: number;
}

function insertChat(db: Database, chat: NewChat, members: readonly (readonly [UserId, Role])[]): void {
  const sql = statements(db);
  const { chatId, type, name, createdBy, createdAtMs } = chat;
  const { lastInsertRowid } = sql.chat.run(chatId, type, name, createdBy, members.length, createdAtMs);
  sql.counter.run(lastInsertRowid);
  for (const [userId, role] of members) sql.member.run(chatId, userId, role, createdAtMs);
}

function chatById(db: Database, chatId: ChatId): Chat {
  const [chat] = readChats.run(db, [chatId]);
  if (chat === undefined) throw new Error(`chat ${chatId} is indexed but does not exist`);
  return chat;
}
