/** Which offsets are handled: per partition the next one to read, and what of it is not yet committed. */
import type { LogRecord, PartitionPosition, Topic } from "../shared/stores/event-log.ts";

export class HandledOffsets {
  readonly #next = new Map<string, PartitionPosition>();

  /** Records of one partition are handled in offset order. */
  handled(record: Pick<LogRecord, "topic" | "partition" | "offset">): void {
    this.#next.set(keyOf(record.topic, record.partition), {
      topic: record.topic,
      partition: record.partition,
      nextOffset: record.offset + 1,
      metadata: undefined,
    });
  }

  /** Takes what is to be committed now. */
  take(): readonly PartitionPosition[] {
    const positions = [...this.#next.values()];
    this.#next.clear();
    return positions;
  }

  /** Puts back what could not be committed, unless the partition has moved on. */
  putBack(positions: readonly PartitionPosition[]): void {
    for (const position of positions) {
      const key = keyOf(position.topic, position.partition);
      if (!this.#next.has(key)) this.#next.set(key, position);
    }
  }

  forget(topic: Topic, partition: number): void {
    this.#next.delete(keyOf(topic, partition));
  }
}

function keyOf(topic: Topic, partition: number): string {
  return `${topic}/${partition}`;
}
