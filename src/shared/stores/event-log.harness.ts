/** What the conformance suite of event logs needs beside the port, and short ways to write and read records. */
import type { ChatId } from "../domain/ids.ts";
import { computePartition } from "../events/partitioner.ts";
import {
  type EventLog,
  type EventLogConsumer,
  type LogRecord,
  type NewLogRecord,
  topics,
} from "./event-log.ts";

export interface OpenEventLog {
  readonly log: EventLog;
  /** Commits messages of a chat (made when missing), so that their events are in `messages.persisted`. */
  publish(chatId: ChatId, contents: readonly string[]): Promise<void>;
  /** The same log after a restart of the process; every consumer was closed before. */
  reopen(): Promise<EventLog>;
  close(): Promise<void>;
}

export const membershipTopic = "memberships.changed";
/** Long enough for a remote log to answer; no test waits it out when all is well. */
export const patienceMs = 5000;

export const chatOf = (number: number): string => `chat_${number}`;

export function partitionOf(key: string): number {
  return computePartition(key, topics[membershipTopic].partitions);
}

export function recordOf(key: string, text: string, change: Partial<NewLogRecord> = {}): NewLogRecord {
  return {
    topic: membershipTopic,
    key,
    partition: partitionOf(key),
    value: new TextEncoder().encode(text),
    headers: {},
    timestampMs: 1_769_853_600_000,
    ...change,
  };
}

export function textOf(record: LogRecord): string {
  return new TextDecoder().decode(record.value());
}

export function consume(log: EventLog, groupId: string): Promise<EventLogConsumer> {
  return log.consumer(groupId, [membershipTopic], async () => {});
}

/** Polls until `count` records came. @throws {Error} fewer came within the patience */
export async function take(consumer: EventLogConsumer, count: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  while (records.length < count) {
    const more = await consumer.poll(count - records.length, patienceMs);
    if (more.length === 0) throw new Error(`${records.length} records came, expected ${count}`);
    records.push(...more);
  }
  return records;
}

/** Commits everything up to and including these records. */
export async function commitAll(consumer: EventLogConsumer, records: readonly LogRecord[]): Promise<void> {
  const next = new Map<string, { topic: LogRecord["topic"]; partition: number; nextOffset: number }>();
  for (const { topic, partition, offset } of records) {
    next.set(`${topic} ${partition}`, { topic, partition, nextOffset: offset + 1 });
  }
  await consumer.commit([...next.values()].map((position) => ({ ...position, metadata: undefined })));
}

/** Two keys of different partitions of the membership topic. */
export function twoKeys(): readonly [string, string] {
  const first = chatOf(0);
  for (let number = 1; ; number += 1) {
    if (partitionOf(chatOf(number)) !== partitionOf(first)) return [first, chatOf(number)];
  }
}
