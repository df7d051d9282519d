/**
 * The embedded schema. Times are integer milliseconds since the epoch; ids are text; a chat's rows refer to it
 * by an integer key. A released version never changes: a new one is a new entry of `migrations`.
 */

/** "TRIP": marks the file as ours. */
export const applicationId = 0x54_52_49_50;

/**
 * One append-only table is truth, idempotency keys and event log at once: its rowid is the offset in
 * `messages.persisted`. `client_id` is the idempotency key (16 bytes), null once the key expired.
 */
const messages = `
CREATE TABLE messages (
  log_offset INTEGER PRIMARY KEY,
  chat_key INTEGER NOT NULL,
  sequence INTEGER NOT NULL CHECK (sequence >= 1),
  client_id BLOB,
  message_id TEXT NOT NULL,
  sender_id TEXT NOT NULL,
  content TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  origin_connection_id TEXT,
  traceparent TEXT
) STRICT;
CREATE UNIQUE INDEX messages_by_sequence ON messages (chat_key, sequence);
CREATE UNIQUE INDEX messages_by_client_id ON messages (chat_key, client_id) WHERE client_id IS NOT NULL;
`;

const chats = `
CREATE TABLE chats (
  chat_key INTEGER PRIMARY KEY AUTOINCREMENT,
  chat_id TEXT NOT NULL UNIQUE,
  chat_type TEXT NOT NULL CHECK (chat_type IN ('direct', 'group')),
  name TEXT,
  created_by TEXT NOT NULL,
  member_count INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE chat_counters (
  chat_key INTEGER PRIMARY KEY REFERENCES chats (chat_key),
  sequence_counter INTEGER NOT NULL CHECK (sequence_counter >= 0)
) STRICT;
CREATE TABLE chat_memberships (
  chat_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
  joined_at_ms INTEGER NOT NULL,
  muted_until TEXT,
  PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_memberships_by_user ON chat_memberships (user_id, chat_id);
CREATE TABLE direct_chat_index (
  pair_key TEXT PRIMARY KEY,
  chat_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE rest_idempotency_keys (
  scope_key TEXT PRIMARY KEY,
  request_hash TEXT NOT NULL,
  status_code INTEGER NOT NULL,
  resource_ids TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX rest_idempotency_keys_by_age ON rest_idempotency_keys (created_at_ms);
`;

const accounts = `
CREATE TABLE users (
  user_id TEXT PRIMARY KEY,
  phone_number TEXT NOT NULL UNIQUE,
  display_name TEXT,
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  refresh_token_hash TEXT NOT NULL,
  previous_token_hash TEXT,
  token_family TEXT NOT NULL,
  token_generation INTEGER NOT NULL,
  live_tokens TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  last_active_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at_ms);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);
CREATE TABLE otp_requests (
  phone_hash TEXT PRIMARY KEY,
  otp_mac TEXT NOT NULL,
  otp_ciphertext TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  attempt_count INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'verified', 'expired')),
  verified_session_id TEXT,
  verified_device_id TEXT,
  was_new_user INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX otp_requests_by_expiry ON otp_requests (expires_at_ms);
CREATE TABLE revoked_tokens (
  jti TEXT PRIMARY KEY,
  expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at_ms);
`;

/**
 * Offsets are dense per topic and never given again: the next one is above both the newest row and the start in
 * `log_starts`. Position rows of partition -1 are floors: everything below is handled, in every partition.
 */
const logs = `
CREATE TABLE delivery_state (
  user_id TEXT NOT NULL,
  chat_id TEXT NOT NULL,
  last_acked_sequence INTEGER NOT NULL CHECK (last_acked_sequence >= 1),
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, chat_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE event_log (
  topic TEXT NOT NULL,
  log_offset INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  record_key TEXT,
  headers TEXT NOT NULL,
  value BLOB NOT NULL,
  timestamp_ms INTEGER NOT NULL,
  PRIMARY KEY (topic, log_offset)
) STRICT;
CREATE TABLE log_starts (
  topic TEXT PRIMARY KEY,
  log_offset INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE log_positions (
  group_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  metadata TEXT,
  PRIMARY KEY (group_id, topic, partition)
) STRICT, WITHOUT ROWID;
`;

/** Forward steps in order: entry i leads from version i to i + 1. */
export const migrations: readonly string[] = [chats + messages + accounts + logs];

/** The version this program writes and the newest it reads. */
export const schemaVersion = migrations.length;
