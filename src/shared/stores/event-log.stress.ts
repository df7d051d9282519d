/** Random appends, polls, commits, pauses, seeks and restarts, against a model of what must come. */
import { expect } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import {
  chatOf,
  commitAll,
  consume,
  membershipTopic,
  type OpenEventLog,
  partitionOf,
  recordOf,
  textOf,
} from "./event-log.harness.ts";
import type { EventLog, EventLogConsumer, LogRecord } from "./event-log.ts";

const steps = 300;
const keys = Array.from({ length: 6 }, (_, number) => chatOf(number));

interface Model {
  /** Texts appended, by partition, in order. */
  readonly appended: Map<number, string[]>;
  /** By partition: how many of them the group must never see again after a restart. */
  readonly committed: Map<number, number>;
  /** By partition: how many were handed out, back to `committed` after a restart. */
  readonly read: Map<number, number>;
  /** Offset of each text. */
  readonly offsets: Map<string, number>;
  readonly paused: Set<number>;
}

export async function stress(opened: OpenEventLog, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const model: Model = {
    appended: new Map(keys.map((key) => [partitionOf(key), []])),
    committed: new Map(),
    read: new Map(),
    offsets: new Map(),
    paused: new Set(),
  };
  let log = opened.log;
  let consumer = await consume(log, "stress");
  for (let step = 0; step < steps; step += 1) {
    const dice = random.float();
    if (dice < 0.35) await append(log, random, model, step);
    else if (dice < 0.75) await poll(consumer, random, model);
    else if (dice < 0.85) pauseOrResume(consumer, random, model);
    else if (dice < 0.93) seek(consumer, random, model);
    else {
      await consumer.close();
      if (random.float() < 0.5) log = await opened.reopen();
      consumer = await consume(log, "stress");
      model.paused.clear();
      for (const partition of model.appended.keys()) {
        model.read.set(partition, model.committed.get(partition) ?? 0);
      }
    }
  }
  for (const partition of model.paused) consumer.resume(membershipTopic, partition);
  model.paused.clear();
  for (;;) {
    const records = await consumer.poll(1000, 20);
    if (records.length === 0) break;
    check(records, model);
  }
  for (const [partition, texts] of model.appended) expect(model.read.get(partition) ?? 0).toBe(texts.length);
  expect(await consumer.lag()).toBe(0);
  await consumer.close();
}

async function append(log: EventLog, random: SeededRandom, model: Model, step: number): Promise<void> {
  const records = Array.from({ length: 1 + random.below(5) }, (_, index) =>
    recordOf(random.pick(keys), `${step}.${index}`),
  );
  const offsets = await log.append(records);
  for (const [index, record] of records.entries()) {
    const text = `${step}.${index}`;
    model.appended.get(record.partition)?.push(text);
    model.offsets.set(text, offsets[index] ?? -1);
  }
}

async function poll(consumer: EventLogConsumer, random: SeededRandom, model: Model): Promise<void> {
  const records = await consumer.poll(1 + random.below(20), 0);
  check(records, model);
  if (random.float() < 0.3) return;
  await commitAll(consumer, records);
  for (const { partition } of records) model.committed.set(partition, model.read.get(partition) ?? 0);
}

/** Each record is the next one of its partition: none lost, none twice, none out of order. */
function check(records: readonly LogRecord[], model: Model): void {
  for (const record of records) {
    const read = model.read.get(record.partition) ?? 0;
    expect([record.partition, textOf(record)]).toEqual([
      record.partition,
      model.appended.get(record.partition)?.[read] ?? "nothing",
    ]);
    expect(record.offset).toBe(model.offsets.get(textOf(record)) ?? -1);
    expect(model.paused.has(record.partition)).toBe(false);
    model.read.set(record.partition, read + 1);
  }
}

function pauseOrResume(consumer: EventLogConsumer, random: SeededRandom, model: Model): void {
  const partition = partitionOf(random.pick(keys));
  if (model.paused.delete(partition)) consumer.resume(membershipTopic, partition);
  else {
    model.paused.add(partition);
    consumer.pause(membershipTopic, partition);
  }
}

function seek(consumer: EventLogConsumer, random: SeededRandom, model: Model): void {
  const partition = partitionOf(random.pick(keys));
  const texts = model.appended.get(partition) ?? [];
  if (texts.length === 0) return;
  const committed = model.committed.get(partition) ?? 0;
  const place = committed + random.below(Math.max(1, texts.length - committed));
  const offset = model.offsets.get(texts[place] ?? "");
  if (offset === undefined) return;
  consumer.seek(membershipTopic, partition, offset);
  model.read.set(partition, place);
}
