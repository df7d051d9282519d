/**
 * Where one consumer stands in one topic: pure. All partitions share one cursor, since the topic is one table;
 * a partition that was paused or sent back has a place of its own behind it until it has caught up, one that
 * is ahead (its commits were newer) skips what it already had.
 */
import type { LogRecord, Topic } from "../event-log.ts";
import type { TopicPositions } from "./log-positions.ts";

export class TopicCursor {
  readonly topic: Topic;
  readonly #partitions: number;
  /** Next offset for every partition without a place of its own. */
  #cursor: number;
  /** Partitions that are behind the cursor, by partition. */
  readonly #behind = new Map<number, number>();
  /** Partitions that start above the cursor. */
  readonly #ahead = new Map<number, number>();
  readonly #paused = new Set<number>();
  /** Per partition: the first offset that is not settled, and the one after the newest that was passed. */
  readonly #committed: number[];
  readonly #passed: number[];

  constructor(stored: TopicPositions, partitions: number) {
    this.topic = stored.topic;
    this.#partitions = partitions;
    const least = Math.max(stored.start, stored.floor);
    const starts = new Array<number>(partitions).fill(least);
    for (const { partition, nextOffset } of stored.committed) {
      starts[partition] = Math.max(least, nextOffset);
    }
    // A partition without news keeps an old position for ever: the floor tells that nothing lies between.
    this.#cursor = Math.min(...starts);
    for (const [partition, start] of starts.entries()) {
      if (start > this.#cursor) this.#ahead.set(partition, start);
    }
    this.#committed = starts;
    this.#passed = [...starts];
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** A partition with records to read behind the cursor, and from where. */
  laggard(): { readonly partition: number; readonly from: number } | undefined {
    for (const [partition, from] of this.#behind) {
      if (!this.#paused.has(partition)) return { partition, from };
    }
    return undefined;
  }

  /**
   * Takes records read at the cursor, in offset order, all there are below `next`. @returns those to hand out,
   * at most `limit`; the cursor moves behind the last one taken.
   */
  accept(records: readonly LogRecord[], next: number, limit: number): readonly LogRecord[] {
    const simple = this.#behind.size === 0 && this.#ahead.size === 0 && this.#paused.size === 0;
    const taken: LogRecord[] = [];
    for (const record of records) {
      if (record.offset < this.#cursor) continue;
      if (taken.length >= limit) return taken;
      this.#cursor = record.offset + 1;
      // What is passed over for now (paused, sought beyond) is not settled either.
      this.#pass(record);
      if (simple || this.#wanted(record)) taken.push(record);
    }
    this.#cursor = Math.max(this.#cursor, next);
    return taken;
  }

  /** As `accept`, for one partition behind the cursor that was read from `from` up to `next`. */
  acceptLaggard(
    partition: number,
    from: number,
    records: readonly LogRecord[],
    next: number,
    limit: number,
  ): readonly LogRecord[] {
    // Sought elsewhere or paused while the read was under way.
    if (this.#behind.get(partition) !== from || this.#paused.has(partition)) return [];
    const taken = records.slice(0, limit);
    for (const record of taken) this.#pass(record);
    const last = taken.at(-1);
    const reached = taken.length < records.length && last !== undefined ? last.offset + 1 : next;
    if (reached >= this.#cursor) this.#behind.delete(partition);
    else this.#behind.set(partition, reached);
    return taken;
  }

  seek(partition: number, offset: number): void {
    this.#behind.delete(partition);
    this.#ahead.delete(partition);
    if (offset < this.#cursor) this.#behind.set(partition, offset);
    else if (offset > this.#cursor) this.#ahead.set(partition, offset);
  }

  pause(partition: number): void {
    this.#paused.add(partition);
  }

  resume(partition: number): void {
    this.#paused.delete(partition);
  }

  /** Records a commit. @returns the floor to store with it */
  commit(positions: readonly { readonly partition: number; readonly nextOffset: number }[]): number {
    for (const { partition, nextOffset } of positions) this.#committed[partition] = nextOffset;
    let floor = this.#cursor;
    for (let partition = 0; partition < this.#partitions; partition += 1) {
      const committed = this.#committed[partition] ?? 0;
      const open = (this.#passed[partition] ?? 0) > committed || this.#behind.has(partition);
      if (open) floor = Math.min(floor, committed);
    }
    return floor;
  }

  /** Next offset to read, by partition. */
  positions(): readonly number[] {
    return Array.from(
      { length: this.#partitions },
      (_, partition) => this.#behind.get(partition) ?? this.#ahead.get(partition) ?? this.#cursor,
    );
  }

  /** True while every partition stands at the cursor. */
  isUniform(): boolean {
    return this.#behind.size === 0 && this.#ahead.size === 0;
  }

  #wanted(record: LogRecord): boolean {
    const { partition, offset } = record;
    if (this.#behind.has(partition)) return false;
    const ahead = this.#ahead.get(partition);
    if (ahead !== undefined) {
      if (offset < ahead) return false;
      this.#ahead.delete(partition);
    }
    if (!this.#paused.has(partition)) return true;
    this.#behind.set(partition, offset);
    return false;
  }

  /** The cursor moves over a record: until it is committed, it holds the floor. */
  #pass({ partition, offset }: LogRecord): void {
    const committed = this.#committed[partition] ?? 0;
    const passed = this.#passed[partition] ?? 0;
    // With nothing open in the partition, everything below the record is settled: there was nothing between.
    if (passed <= committed) this.#committed[partition] = Math.max(committed, offset);
    this.#passed[partition] = Math.max(passed, offset + 1);
  }
}
