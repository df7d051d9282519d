/**
 * Port: the ordered log of what was committed. At least once; per chat in commit order within one partition;
 * a record's partition is `computePartition(chat_id, partitions)`. Offsets ascend per partition (they need
 * not be dense); a committed offset is the next one to read.
 */
export const topics = {
  "messages.persisted": { partitions: 64, retentionMs: 7 * 24 * 3600 * 1000 },
  "memberships.changed": { partitions: 16, retentionMs: 7 * 24 * 3600 * 1000 },
  "chats.created": { partitions: 16, retentionMs: 7 * 24 * 3600 * 1000 },
  dead_letters: { partitions: 8, retentionMs: 30 * 24 * 3600 * 1000 },
} as const;

export type Topic = keyof typeof topics;

export interface NewLogRecord {
  readonly topic: Topic;
  /** The chat id; null only for a dead letter whose original had none. */
  readonly key: string | null;
  readonly partition: number;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

export interface LogRecord {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  /** The raw bytes. */
  value(): Uint8Array;
  /** The envelope where the log stores it typed (SQLite's message rows), so that nobody parses what was never text. */
  readonly event: unknown;
}

export interface PartitionPosition {
  readonly topic: Topic;
  readonly partition: number;
  /** Next offset to read. */
  readonly nextOffset: number;
  /** Free text beside the offset: the attempts already made on the record at nextOffset. */
  readonly metadata: string | undefined;
}

/** A member of a consumer group. Starts at the group's committed offsets, else at the beginning. */
export interface EventLogConsumer {
  /** Waits up to `waitMs` for records; at most `maxRecords`; per partition in offset order. Empty when none came or when closing. */
  poll(maxRecords: number, waitMs: number): Promise<readonly LogRecord[]>;
  commit(positions: readonly PartitionPosition[]): Promise<void>;
  /** Committed positions of the assigned partitions that have one. */
  committed(): Promise<readonly PartitionPosition[]>;
  /** Goes back to an offset, after a failure. */
  seek(topic: Topic, partition: number, offset: number): void;
  pause(topic: Topic, partition: number): void;
  resume(topic: Topic, partition: number): void;
  /** Records not yet read, over all assigned partitions. */
  lag(): Promise<number>;
  /** Leaves the group; a waiting poll returns empty. */
  close(): Promise<void>;
}

/** Called before partitions are taken away: settle what is in hand and commit it. */
export type RevokedListener = (
  partitions: readonly { readonly topic: Topic; readonly partition: number }[],
) => Promise<void>;

export interface EventLog {
  /** Resolves when all records are durable, with their offsets in order. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  append(records: readonly NewLogRecord[]): Promise<readonly number[]>;
  consumer(groupId: string, topics: readonly Topic[], onRevoked: RevokedListener): Promise<EventLogConsumer>;
}
