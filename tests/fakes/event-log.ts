/** An event log in memory whose calls can be made to fail, and whose consumers can be cut off like a killed worker's. */
import type { Clock } from "../../src/shared/domain/clock.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import { computePartition } from "../../src/shared/events/partitioner.ts";
import {
  type EventLog,
  type EventLogConsumer,
  type LogRecord,
  type NewLogRecord,
  type PartitionPosition,
  type Topic,
  topics,
} from "../../src/shared/stores/event-log.ts";

const keyOf = (topic: Topic, partition: number): string => `${topic}/${partition}`;

export class FaultyEventLog implements EventLog {
  readonly #clock: Clock;
  readonly records: LogRecord[] = [];
  readonly #committed = new Map<string, PartitionPosition>();
  #wakers: (() => void)[] = [];
  /** The next calls of each kind fail. */
  failAppends = 0;
  failPolls = 0;
  failCommits = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Appends a record as a producer would. */
  put(
    topic: Topic,
    key: string | null,
    value: string,
    headers: Readonly<Record<string, string>> = {},
  ): LogRecord {
    const partition = key === null ? 0 : computePartition(key, topics[topic].partitions);
    const bytes = new TextEncoder().encode(value);
    const offset = this.records.filter(
      (record) => record.topic === topic && record.partition === partition,
    ).length;
    const record: LogRecord = {
      topic,
      partition,
      offset,
      key,
      headers,
      timestampMs: 1_769_853_600_000,
      value: () => bytes,
      event: undefined,
    };
    this.records.push(record);
    for (const wake of this.#wakers.splice(0)) wake();
    return record;
  }

  of(topic: Topic): readonly LogRecord[] {
    return this.records.filter((record) => record.topic === topic);
  }

  committedAt(record: LogRecord): number {
    return this.#committed.get(keyOf(record.topic, record.partition))?.nextOffset ?? 0;
  }

  async append(records: readonly NewLogRecord[]): Promise<readonly number[]> {
    if (this.failAppends > 0) {
      this.failAppends--;
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    return records.map(
      ({ topic, key, value, headers }) =>
        this.put(topic, key, new TextDecoder().decode(value), headers).offset,
    );
  }

  async consumer(_groupId: string, subscribed: readonly Topic[]): Promise<FaultyConsumer> {
    const positions = new Map<string, number>();
    for (const [key, position] of this.#committed) positions.set(key, position.nextOffset);
    return new FaultyConsumer(this, this.#clock, subscribed, positions);
  }

  commit(positions: readonly PartitionPosition[]): void {
    if (this.failCommits > 0) {
      this.failCommits--;
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    for (const position of positions)
      this.#committed.set(keyOf(position.topic, position.partition), position);
  }

  get committed(): readonly PartitionPosition[] {
    return [...this.#committed.values()];
  }

  wakeOnNews(wake: () => void): void {
    this.#wakers.push(wake);
  }
}

class FaultyConsumer implements EventLogConsumer {
  readonly #log: FaultyEventLog;
  readonly #clock: Clock;
  readonly #topics: readonly Topic[];
  readonly #next: Map<string, number>;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(log: FaultyEventLog, clock: Clock, subscribed: readonly Topic[], next: Map<string, number>) {
    this.#log = log;
    this.#clock = clock;
    this.#topics = subscribed;
    this.#next = next;
  }

  async poll(maxRecords: number, waitMs: number): Promise<readonly LogRecord[]> {
    if (this.#log.failPolls > 0) {
      this.#log.failPolls--;
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    const taken = this.#take(maxRecords);
    if (taken.length > 0) return taken;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimer(waitMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      this.#log.wakeOnNews(this.#wake);
    });
    return this.#closed ? [] : this.#take(maxRecords);
  }

  async commit(positions: readonly PartitionPosition[]): Promise<void> {
    this.#log.commit(positions);
  }

  async committed(): Promise<readonly PartitionPosition[]> {
    return this.#log.committed;
  }

  seek(topic: Topic, partition: number, offset: number): void {
    this.#next.set(keyOf(topic, partition), offset);
    this.#wake();
  }

  pause(): void {}
  resume(): void {}
  async lag(): Promise<number> {
    return this.#take(Number.POSITIVE_INFINITY, false).length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
  }

  #take(maxRecords: number, advance = true): readonly LogRecord[] {
    const taken = this.#topics
      .flatMap((topic) => this.#log.of(topic))
      .filter((record) => record.offset >= (this.#next.get(keyOf(record.topic, record.partition)) ?? 0))
      .slice(0, maxRecords);
    if (advance) {
      for (const { topic, partition, offset } of taken) this.#next.set(keyOf(topic, partition), offset + 1);
    }
    return taken;
  }
}
