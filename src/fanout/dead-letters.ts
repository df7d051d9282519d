/** Records that can never be processed go to `dead_letters`, whole, with the reason; then their offset may be committed. */
import { isoTime } from "../shared/domain/clock.ts";
import { computePartition } from "../shared/events/partitioner.ts";
import { type LogRecord, type NewLogRecord, topics } from "../shared/stores/event-log.ts";

export interface DeadLetterContext {
  readonly consumerGroup: string;
  readonly consumerId: string;
  readonly nowMs: number;
  readonly attempts: number;
  readonly error: unknown;
}

/** The record as the fan-out contract, section 6.6, writes it: the original's bytes and headers in base64. */
export function deadLetterOf(record: LogRecord, context: DeadLetterContext): NewLogRecord {
  const { error } = context;
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : `Error: ${String(error)}`;
  const letter = {
    dlq_metadata: {
      original_topic: record.topic,
      original_partition: record.partition,
      original_offset: record.offset,
      original_timestamp: isoTime(record.timestampMs),
      consumer_group: context.consumerGroup,
      consumer_id: context.consumerId,
      failure_reason: reason.slice(0, 1000),
      failure_timestamp: isoTime(context.nowMs),
      processing_attempts: context.attempts,
    },
    original_record: {
      key: record.key,
      value: record.value().toBase64(),
      headers: Object.entries(record.headers).map(([key, value]) => ({
        key,
        value: new TextEncoder().encode(value).toBase64(),
      })),
    },
  };
  return {
    topic: "dead_letters",
    key: record.key,
    partition: record.key === null ? 0 : computePartition(record.key, topics.dead_letters.partitions),
    value: new TextEncoder().encode(JSON.stringify(letter)),
    headers: {},
    timestampMs: context.nowMs,
  };
}
