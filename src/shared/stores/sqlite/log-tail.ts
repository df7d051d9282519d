/**
 * The newest records of each topic in memory, so that a caught-up consumer reads no table. Holds committed
 * records only. Offsets of a topic are dense: a hole means that someone else wrote, and the tail starts anew.
 */
import type { LogRecord, Topic } from "../event-log.ts";

export interface LogTailOptions {
  /** Records kept per topic. */
  readonly recordsMax: number;
  /** Names this process in the events it makes of stored messages. */
  readonly producerId: string;
}

interface TopicTail {
  /** Offset of records[0]. */
  start: number;
  records: LogRecord[];
}

export class LogTail {
  readonly producerId: string;
  readonly #recordsMax: number;
  readonly #topics = new Map<Topic, TopicTail>();
  readonly #listeners = new Set<() => void>();

  constructor(options: LogTailOptions) {
    this.producerId = options.producerId;
    this.#recordsMax = options.recordsMax;
  }

  /** Takes over committed records of one topic with consecutive offsets. Older ones than those held are ignored. */
  append(topic: Topic, records: readonly LogRecord[]): void {
    const first = records[0];
    if (first === undefined) return;
    const tail = this.#topics.get(topic);
    const end = tail === undefined ? first.offset : tail.start + tail.records.length;
    if (first.offset < end) return;
    if (tail === undefined || first.offset > end) {
      this.#topics.set(topic, { start: first.offset, records: records.slice(-this.#recordsMax) });
      const kept = this.#topics.get(topic);
      if (kept !== undefined) kept.start += records.length - kept.records.length;
    } else {
      for (const record of records) tail.records.push(record);
      // Trimmed at twice the limit, so that the cost of moving is paid once per `recordsMax` records.
      if (tail.records.length > 2 * this.#recordsMax) this.#trim(tail);
    }
    for (const listener of this.#listeners) listener();
  }

  /** Says that a table ends before `offset`, so that a topic without news is not read again and again. */
  startAt(topic: Topic, offset: number): void {
    if (!this.#topics.has(topic)) this.#topics.set(topic, { start: offset, records: [] });
  }

  /** Up to `limit` records from offset `from` on; empty at the end; undefined where the table must be read. */
  slice(topic: Topic, from: number, limit: number): readonly LogRecord[] | undefined {
    const tail = this.#topics.get(topic);
    if (tail === undefined || from < tail.start) return undefined;
    return tail.records.slice(from - tail.start, from - tail.start + limit);
  }

  /** Calls back after every append until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #trim(tail: TopicTail): void {
    const surplus = tail.records.length - this.#recordsMax;
    tail.records = tail.records.slice(surplus);
    tail.start += surplus;
  }
}
