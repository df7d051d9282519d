/**
 * Checks a whole database against the promises of the stores. Reads one snapshot, so a running server does not
 * disturb it, and it changes nothing.
 */
import { Database } from "bun:sqlite";

export interface Finding {
  /** The promise that is broken: `sequence_dense`. */
  readonly rule: string;
  /** What is wrong with which row, in one sentence. */
  readonly text: string;
}

export interface CheckReport {
  readonly findings: readonly Finding[];
  readonly chats: number;
  readonly messages: number;
}

/** Findings kept per rule: a broken database may break one rule a million times. */
const findingsPerRuleMax = 100;

interface Rule {
  readonly name: string;
  /** Rows with a column `text`; no rows, no findings. */
  readonly sql: string;
}

const rules: readonly Rule[] = [
  {
    name: "file_intact",
    sql: "SELECT integrity_check AS text FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
  },
  {
    name: "references_resolve",
    sql: `SELECT format('%s row %s refers to a missing row of %s', "table", rowid, parent) AS text FROM pragma_foreign_key_check`,
  },
  {
    name: "counter_present",
    sql: `SELECT format('chat %s has no counter: triplane repair counter %s', chat_id, chat_id) AS text FROM chats
          WHERE chat_key NOT IN (SELECT chat_key FROM chat_counters)`,
  },
  {
    name: "sequence_dense",
    sql: `SELECT format('chat %s has counter %d and %d messages with sequences %s to %s',
                 coalesce(c.chat_id, '#' || k.chat_key), coalesce(n.sequence_counter, 0), coalesce(m.stored, 0),
                 coalesce(m.lowest, '-'), coalesce(m.highest, '-')) AS text
          FROM (SELECT chat_key FROM chat_counters UNION SELECT chat_key FROM messages) k
          LEFT JOIN chats c USING (chat_key)
          LEFT JOIN chat_counters n USING (chat_key)
          LEFT JOIN (SELECT chat_key, count(*) AS stored, min(sequence) AS lowest, max(sequence) AS highest
                     FROM messages GROUP BY chat_key) m USING (chat_key)
          WHERE coalesce(m.stored, 0) <> coalesce(n.sequence_counter, coalesce(m.stored, 0))
             OR coalesce(m.highest, 0) <> coalesce(m.stored, 0) OR coalesce(m.lowest, 1) <> 1`,
  },
  {
    name: "commit_order",
    sql: `SELECT format('chat #%d: sequence %d was committed before sequence %d', chat_key, sequence, earlier) AS text
          FROM (SELECT chat_key, sequence, lag(sequence) OVER (PARTITION BY chat_key ORDER BY log_offset) AS earlier FROM messages)
          WHERE earlier >= sequence`,
  },
  {
    name: "message_of_chat",
    sql: `SELECT format('message %s at offset %d belongs to no chat', message_id, log_offset) AS text FROM messages
          WHERE chat_key NOT IN (SELECT chat_key FROM chats)`,
  },
  {
    name: "idempotency_key",
    sql: `SELECT format('message %s at offset %d has an idempotency key of %d bytes', message_id, log_offset, length(client_id)) AS text
          FROM messages WHERE client_id IS NOT NULL AND length(client_id) <> 16`,
  },
  {
    name: "idempotency_key_kept",
    sql: `SELECT format('message %s at offset %d lost its idempotency key before its time', message_id, log_offset) AS text
          FROM messages WHERE client_id IS NULL
            AND created_at_ms > (SELECT max(created_at_ms) FROM messages) - 7 * 24 * 3600 * 1000`,
  },
  {
    name: "message_id_unique",
    sql: `SELECT format('message id %s is stored %d times', message_id, count(*)) AS text
          FROM messages GROUP BY message_id HAVING count(*) > 1`,
  },
  {
    name: "member_count",
    sql: `SELECT format('chat %s says %d members and has %d', c.chat_id, c.member_count, count(m.user_id)) AS text
          FROM chats c LEFT JOIN chat_memberships m USING (chat_id) GROUP BY c.chat_id HAVING c.member_count <> count(m.user_id)`,
  },
  {
    name: "one_owner",
    sql: `SELECT format('group %s has %d owners', c.chat_id, sum(coalesce(m.role, '') = 'owner')) AS text
          FROM chats c LEFT JOIN chat_memberships m USING (chat_id)
          WHERE c.chat_type = 'group' GROUP BY c.chat_id 
          HAVING count(m.user_id) > 0 AND sum(coalesce(m.role, '') = 'owner') <> 1`,
  },
  {
    name: "direct_chat_index",
    sql: `SELECT format('direct chat %s is in the index %d times', c.chat_id, count(i.pair_key)) AS text
          FROM chats c LEFT JOIN direct_chat_index i USING (chat_id) WHERE c.chat_type = 'direct'
          GROUP BY c.chat_id HAVING count(i.pair_key) <> 1
          UNION ALL
          SELECT format('index entry %s names chat %s, which is no direct chat', pair_key, chat_id) FROM direct_chat_index
          WHERE chat_id NOT IN (SELECT chat_id FROM chats WHERE chat_type = 'direct')`,
  },
  {
    name: "membership_of_chat",
    sql: `SELECT format('user %s is a member of chat %s, which does not exist', user_id, chat_id) AS text
          FROM chat_memberships WHERE chat_id NOT IN (SELECT chat_id FROM chats)`,
  },
  {
    name: "watermark_within_chat",
    sql: `SELECT format('user %s acknowledged %d of chat %s, whose counter is %s', d.user_id, d.last_acked_sequence,
                 d.chat_id, coalesce(n.sequence_counter, 'missing')) AS text
          FROM delivery_state d LEFT JOIN chats c USING (chat_id) LEFT JOIN chat_counters n USING (chat_key)
          WHERE d.last_acked_sequence > coalesce(n.sequence_counter, 0)`,
  },
  {
    name: "session_of_user",
    sql: `SELECT format('session %s belongs to user %s, who does not exist', session_id, user_id) AS text
          FROM sessions WHERE user_id NOT IN (SELECT user_id FROM users)`,
  },
];

/** Names of all rules, in the order of checking. */
export const checkRules: readonly string[] = rules.map(({ name }) => name);

/**
 * @param path an existing database of this program
 * @throws {Error} the file cannot be read, or its schema is another one
 */
export function checkDatabase(path: string): CheckReport {
  const db = new Database(path, { readonly: true, strict: true });
  try {
    db.run("PRAGMA busy_timeout = 5000");
    return db.transaction(() => {
      const findings = rules.flatMap((rule) =>
        db
          .query<{ text: string }, [number]>(`SELECT text FROM (${rule.sql}) LIMIT ?`)
          .all(findingsPerRuleMax)
          .map(({ text }) => ({ rule: rule.name, text })),
      );
      return { findings, chats: countRows(db, "chats"), messages: countRows(db, "messages") };
    })();
  } finally {
    db.close();
  }
}

function countRows(db: Database, table: "chats" | "messages"): number {
  return db.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM ${table}`).get()?.rows ?? 0;
}
