/** The event log in SQLite: see port. `messages.persisted` is the table of messages itself, the rest has rows. */
import type { Clock } from "../domain/clock.ts";
import {
  type EventLog,
  type EventLogConsumer,
  type LogRecord,
  type NewLogRecord,
  type RevokedListener,
  type Topic,
  topics,
} from "./event-log.ts";
import { appendRecords, expireRecords } from "./sqlite/event-log-writes.ts";
import { LogConsumer, rowLogRecord } from "./sqlite/log-consumer.ts";
import { readPositions } from "./sqlite/log-positions.ts";
import type { LogTail } from "./sqlite/log-tail.ts";
import type { Storage } from "./sqlite/storage.ts";
import { TopicCursor } from "./sqlite/topic-cursor.ts";

export class SqliteEventLog implements EventLog {
  readonly #storage: Storage;
  readonly #tail: LogTail;
  readonly #clock: Clock;
  readonly #openGroups = new Set<string>();

  constructor(storage: Storage, tail: LogTail, clock: Clock) {
    this.#storage = storage;
    this.#tail = tail;
    this.#clock = clock;
  }

  async append(records: readonly NewLogRecord[]): Promise<readonly number[]> {
    const offsets = new Array<number>(records.length).fill(0);
    const indexed = records.map((record, index) => ({ record, index }));
    const byTopic = Map.groupBy(indexed, ({ record }) => record.topic);
    await Promise.all(
      [...byTopic].map(async ([topic, own]) => {
        const first = await this.#appendTo(
          topic,
          own.map(({ record }) => record),
        );
        for (const [place, { index }] of own.entries()) offsets[index] = first + place;
      }),
    );
    return offsets;
  }

  /** One member per group: a second one while the first is open is a mistake, and refused. */
  async consumer(
    groupId: string,
    subscribed: readonly Topic[],
    // Partitions are never taken from the only member.
    _onRevoked: RevokedListener,
  ): Promise<EventLogConsumer> {
    if (this.#openGroups.has(groupId)) throw new Error(`group ${groupId} has a member already, 1 is allowed`);
    this.#openGroups.add(groupId);
    try {
      const stored = await this.#storage.run(readPositions, { groupId, topics: subscribed });
      return new LogConsumer({
        storage: this.#storage,
        tail: this.#tail,
        clock: this.#clock,
        groupId,
        cursors: stored.map((positions) => new TopicCursor(positions, topics[positions.topic].partitions)),
        onClose: () => this.#openGroups.delete(groupId),
      });
    } catch (thrown) {
      this.#openGroups.delete(groupId);
      throw thrown;
    }
  }

  /** Applies retention to up to `limit` records of a topic. @returns how many left it */
  expire(topic: Topic, nowMs: number, limit: number): Promise<number> {
    return this.#storage.run(expireRecords, { topic, beforeMs: nowMs - topics[topic].retentionMs, limit });
  }

  async #appendTo(topic: Topic, records: readonly NewLogRecord[]): Promise<number> {
    if (topic === "messages.persisted") {
      throw new Error("messages.persisted is written by the commit of messages alone");
    }
    const first = await this.#storage.run(appendRecords, { topic, records });
    this.#tail.append(
      topic,
      records.map((record, index) => logRecord(record, first + index)),
    );
    return first;
  }
}

function logRecord(record: NewLogRecord, offset: number): LogRecord {
  const { topic, partition, key, headers, timestampMs, value } = record;
  return rowLogRecord(topic, { offset, partition, key, headers, timestampMs, value });
}
