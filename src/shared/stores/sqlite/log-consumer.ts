/** The one member of a consumer group: reads from the tail in memory when it has caught up, from tables when not. */
import type { Clock } from "../../domain/clock.ts";
import type { EventLogConsumer, LogRecord, PartitionPosition, Topic } from "../event-log.ts";
import {
  countRecords,
  type ReadRecordsInput,
  type ReadRecordsOutput,
  type RowRecord,
  readRecords,
  topicEnd,
} from "./event-log-reads.ts";
import { commitPositions, readPositions } from "./log-positions.ts";
import type { LogTail } from "./log-tail.ts";
import { MessageRecord } from "./message-record.ts";
import type { Storage } from "./storage.ts";
import type { TopicCursor } from "./topic-cursor.ts";

export interface LogConsumerOptions {
  readonly storage: Storage;
  readonly tail: LogTail;
  readonly clock: Clock;
  readonly groupId: string;
  readonly cursors: readonly TopicCursor[];
  readonly onClose: () => void;
}

/** Rows per read of a table; a slice of a few milliseconds. */
const pageRows = 1000;

export class LogConsumer implements EventLogConsumer {
  readonly #options: LogConsumerOptions;
  readonly #cursors: ReadonlyMap<Topic, TopicCursor>;
  readonly #stopListening: () => void;
  /** Something changed since the last look: waiting would be wrong. */
  #news = false;
  #wake: () => void = () => {};
  #closed = false;

  constructor(options: LogConsumerOptions) {
    this.#options = options;
    this.#cursors = new Map(options.cursors.map((cursor) => [cursor.topic, cursor]));
    this.#stopListening = options.tail.onAppend(() => this.#notify());
  }

  async poll(maxRecords: number, waitMs: number): Promise<readonly LogRecord[]> {
    const ready = await this.#take(maxRecords);
    if (ready.length > 0 || this.#closed) return this.#closed ? [] : ready;
    let timedOut = false;
    const timer = this.#options.clock.setTimer(waitMs, () => {
      timedOut = true;
      this.#notify();
    });
    try {
      while (!this.#closed) {
        await this.#untilNews();
        const records = await this.#take(maxRecords);
        if (records.length > 0) return this.#closed ? [] : records;
        if (timedOut) break;
      }
      return [];
    } finally {
      timer.cancel();
    }
  }

  async commit(positions: readonly PartitionPosition[]): Promise<void> {
    const touched = Map.groupBy(positions, (position) => position.topic);
    const floors = [...touched].map(([topic, own]) => ({
      topic,
      nextOffset: this.#cursor(topic).commit(own),
    }));
    const { storage, groupId } = this.#options;
    await storage.run(commitPositions, { groupId, positions, floors });
  }

  async committed(): Promise<readonly PartitionPosition[]> {
    const { storage, groupId } = this.#options;
    const stored = await storage.run(readPositions, { groupId, topics: [...this.#cursors.keys()] });
    return stored.flatMap((topic) => topic.committed);
  }

  seek(topic: Topic, partition: number, offset: number): void {
    this.#cursor(topic).seek(partition, offset);
    this.#notify();
  }

  pause(topic: Topic, partition: number): void {
    this.#cursor(topic).pause(partition);
  }

  resume(topic: Topic, partition: number): void {
    this.#cursor(topic).resume(partition);
    this.#notify();
  }

  async lag(): Promise<number> {
    const { storage } = this.#options;
    const lags = [...this.#cursors.values()].map(async (cursor) => {
      const { topic } = cursor;
      if (!cursor.isUniform()) return storage.run(countRecords, { topic, positions: cursor.positions() });
      return Math.max(0, (await storage.run(topicEnd, topic)) - cursor.cursor);
    });
    return (await Promise.all(lags)).reduce((sum, lag) => sum + lag, 0);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#notify();
    this.#options.onClose();
  }

  async #take(maxRecords: number): Promise<readonly LogRecord[]> {
    if (this.#closed) return [];
    this.#news = false;
    const taken: LogRecord[] = [];
    for (const cursor of this.#cursors.values()) {
      const room = maxRecords - taken.length;
      if (room <= 0) break;
      for (const record of await this.#takeFrom(cursor, room)) taken.push(record);
    }
    return taken;
  }

  /** Empty only when nothing can be handed out now. */
  async #takeFrom(cursor: TopicCursor, limit: number): Promise<readonly LogRecord[]> {
    for (;;) {
      const laggard = cursor.laggard();
      if (laggard !== undefined) {
        const taken = await this.#takeLaggard(cursor, laggard, limit);
        if (taken.length > 0) return taken;
        continue;
      }
      const from = cursor.cursor;
      const newest = this.#options.tail.slice(cursor.topic, from, limit);
      if (newest !== undefined && newest.length === 0) return [];
      const taken =
        newest !== undefined ? cursor.accept(newest, from, limit) : await this.#takePage(cursor, limit);
      if (taken.length > 0 || cursor.cursor === from) return taken;
    }
  }

  async #takePage(cursor: TopicCursor, limit: number): Promise<readonly LogRecord[]> {
    const { topic } = cursor;
    const from = cursor.cursor;
    const rows = Math.min(limit, pageRows);
    const page = await this.#read({ topic, from, to: undefined, partition: undefined, limit: rows });
    if (page.next === from) this.#options.tail.startAt(topic, from);
    return cursor.accept(this.#records(topic, page), page.next, limit);
  }

  async #takeLaggard(
    cursor: TopicCursor,
    { partition, from }: { readonly partition: number; readonly from: number },
    limit: number,
  ): Promise<readonly LogRecord[]> {
    const { topic } = cursor;
    const page = await this.#read({ topic, from, to: cursor.cursor, partition, limit: pageRows });
    return cursor.acceptLaggard(partition, from, this.#records(topic, page), page.next, limit);
  }

  #read(input: ReadRecordsInput): Promise<ReadRecordsOutput> {
    return this.#options.storage.run(readRecords, input);
  }

  #records(topic: Topic, page: ReadRecordsOutput): readonly LogRecord[] {
    const { producerId } = this.#options.tail;
    if (topic !== "messages.persisted") return page.rows.map((row) => rowLogRecord(topic, row));
    return page.messages.map((fields) => new MessageRecord(fields, producerId));
  }

  #cursor(topic: Topic): TopicCursor {
    const cursor = this.#cursors.get(topic);
    if (cursor === undefined)
      throw new Error(`the consumer of ${this.#options.groupId} does not read ${topic}`);
    return cursor;
  }

  #notify(): void {
    this.#news = true;
    this.#wake();
  }

  #untilNews(): Promise<void> {
    if (this.#news) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** A record that is stored as bytes. */
export function rowLogRecord(topic: Topic, row: RowRecord): LogRecord {
  const { value, ...rest } = row;
  return { topic, ...rest, value: () => value, event: undefined };
}
