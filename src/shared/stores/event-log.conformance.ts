/** What every event log must do: at least once, per partition in order, positions that survive. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChatId } from "../domain/ids.ts";
import { decodeEvent } from "../events/envelope.ts";
import { computePartition } from "../events/partitioner.ts";
import {
  chatOf,
  commitAll,
  consume,
  membershipTopic,
  type OpenEventLog,
  partitionOf,
  patienceMs,
  recordOf,
  take,
  textOf,
  twoKeys,
} from "./event-log.harness.ts";
import { stress } from "./event-log.stress.ts";
import { type EventLog, type EventLogConsumer, topics } from "./event-log.ts";

const [key, otherKey] = twoKeys();
const [partition, otherPartition] = [partitionOf(key), partitionOf(otherKey)];

export function eventLogConformance(name: string, open: () => Promise<OpenEventLog>): void {
  describe(`${name} as EventLog`, () => {
    let opened: OpenEventLog;
    let log: EventLog;
    const consumers: EventLogConsumer[] = [];

    beforeEach(async () => {
      opened = await open();
      ({ log } = opened);
    });
    afterEach(async () => {
      for (const consumer of consumers.splice(0)) await consumer.close();
      await opened.close();
    });

    const join = async (group = "group", of = log): Promise<EventLogConsumer> => {
      const consumer = await consume(of, group);
      consumers.push(consumer);
      return consumer;
    };
    /** Closes the consumer and starts another one of the group after a restart. */
    const restart = async (consumer: EventLogConsumer): Promise<EventLogConsumer> => {
      await consumer.close();
      return join("group", await opened.reopen());
    };
    const appendTexts = (of: string, ...texts: string[]): Promise<readonly number[]> =>
      log.append(texts.map((text) => recordOf(of, text)));

    test("a record comes back as it was written", async () => {
      const written = recordOf(key, "grüße", {
        headers: { traceparent: "00-ab-cd-01", "x-processing-attempts": "2" },
        timestampMs: 1_700_000_000_123,
      });
      const [offset] = await log.append([written]);
      const [record] = await take(await join(), 1);
      const { topic, headers, timestampMs } = written;
      expect(record).toMatchObject({ topic, key, partition, headers, timestampMs, offset });
      expect(record === undefined ? undefined : textOf(record)).toBe("grüße");
    });

    test("a record without a key and without a value's text keeps its bytes", async () => {
      const value = Uint8Array.of(0, 255, 128, 10);
      await log.append([recordOf(key, "", { key: null, partition: 0, value })]);
      const [record] = await take(await join(), 1);
      expect([record?.key, record?.value()]).toEqual([null, value]);
    });

    test("offsets come in the order of the records, ascending per partition", async () => {
      const first = await appendTexts(key, "1", "2", "3");
      const second = await appendTexts(key, "4");
      const offsets = [...first, ...second];
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      expect(new Set(offsets).size).toBe(4);
    });

    test("one call may write to several topics", async () => {
      const dead = recordOf(key, "dead", { topic: "dead_letters", partition: computePartition(key, 8) });
      expect(await log.append([recordOf(key, "a"), dead, recordOf(key, "b")])).toHaveLength(3);
      expect(await log.append([])).toEqual([]);
      expect((await take(await join(), 2)).map(textOf)).toEqual(["a", "b"]);
      const letters = await log.consumer("letters", ["dead_letters"], async () => {});
      consumers.push(letters);
      expect((await take(letters, 1)).map(textOf)).toEqual(["dead"]);
    });

    test("ordering_preserved: per partition in the order of appending", async () => {
      const texts = Array.from({ length: 200 }, (_, number) => String(number));
      for (let from = 0; from < 200; from += 20) {
        await log.append(
          texts.slice(from, from + 20).map((text) => recordOf(chatOf(Number(text) % 7), text)),
        );
      }
      const records = await take(await join(), 200);
      for (let number = 0; number < 7; number += 1) {
        const own = records.filter((record) => record.key === chatOf(number)).map(textOf);
        expect(own).toEqual(texts.filter((text) => Number(text) % 7 === number));
      }
      const offsets = Map.groupBy(records, (record) => record.partition);
      for (const [, own] of offsets) {
        expect(own.map((record) => record.offset)).toEqual(
          own.map((record) => record.offset).sort((a, b) => a - b),
        );
      }
    });

    test("messages.persisted holds one valid event per committed message, in commit order", async () => {
      const chatId = "chat_events" as ChatId;
      await opened.publish(chatId, ["one", "two"]);
      await opened.publish(chatId, ["three"]);
      const consumer = await log.consumer("group", ["messages.persisted"], async () => {});
      consumers.push(consumer);
      const records = await take(consumer, 3);
      const events = records.map((record) => decodeEvent(record.value(), record.key));
      expect(
        events.map(
          (event) =>
            event.event_type === "MessagePersisted" && [event.payload.sequence, event.payload.content],
        ),
      ).toEqual([
        [1, "one"],
        [2, "two"],
        [3, "three"],
      ]);
      for (const [index, record] of records.entries()) {
        const event = events[index];
        expect(record.partition).toBe(computePartition(chatId, topics["messages.persisted"].partitions));
        expect(event?.event_type === "MessagePersisted" && event.payload.message_id).toBe(
          record.headers["message_id"] ?? "none",
        );
        if (record.event !== undefined) expect<unknown>(record.event).toEqual(event);
      }
    });

    test("I-15: what was not committed comes again after a restart", async () => {
      await appendTexts(key, "1", "2", "3");
      const first = await join();
      expect((await take(first, 3)).map(textOf)).toEqual(["1", "2", "3"]);
      expect((await take(await restart(first), 3)).map(textOf)).toEqual(["1", "2", "3"]);
    });

    test("a committed offset is the next one to read", async () => {
      await appendTexts(key, "1", "2", "3");
      const first = await join();
      const records = await take(first, 3);
      await commitAll(first, records.slice(0, 2));
      const second = await restart(first);
      const nextOffset = (records[1]?.offset ?? 0) + 1;
      expect(await second.committed()).toEqual([
        { topic: membershipTopic, partition, nextOffset, metadata: undefined },
      ]);
      expect((await take(second, 1)).map(textOf)).toEqual(["3"]);
    });

    test("commit_after_process: one partition's commit does not cover another's records", async () => {
      await log.append([
        recordOf(key, "a1"),
        recordOf(otherKey, "b1"),
        recordOf(key, "a2"),
        recordOf(otherKey, "b2"),
      ]);
      const first = await join();
      const records = await take(first, 4);
      await commitAll(
        first,
        records.filter((record) => record.partition === partition),
      );
      expect((await take(await restart(first), 2)).map(textOf)).toEqual(["b1", "b2"]);
    });

    test("a quiet partition neither holds a group back nor loses its place", async () => {
      await appendTexts(key, "old");
      const first = await join();
      await commitAll(first, await take(first, 1));
      for (let round = 0; round < 5; round += 1) {
        await appendTexts(otherKey, `${round}`);
        await commitAll(first, await take(first, 1));
      }
      const second = await restart(first);
      await appendTexts(key, "new");
      expect((await take(second, 1)).map(textOf)).toEqual(["new"]);
    });

    test("metadata is kept beside the offset and can be replaced", async () => {
      await appendTexts(key, "1");
      const first = await join();
      const [record] = await take(first, 1);
      const position = { topic: membershipTopic, partition, nextOffset: record?.offset ?? -1 } as const;
      await first.commit([{ ...position, metadata: "attempts=1" }]);
      await first.commit([{ ...position, metadata: "attempts=2" }]);
      const second = await restart(first);
      expect(await second.committed()).toEqual([{ ...position, metadata: "attempts=2" }]);
      expect((await take(second, 1)).map(textOf)).toEqual(["1"]);
      await commitAll(
        second,
        [record].filter((one) => one !== undefined),
      );
      expect((await second.committed())[0]?.metadata).toBeUndefined();
    });

    test("groups do not know of each other; a new one starts at the beginning", async () => {
      await appendTexts(key, "1", "2");
      const first = await join("first");
      await commitAll(first, await take(first, 2));
      expect((await take(await join("second"), 2)).map(textOf)).toEqual(["1", "2"]);
    });

    test("a poll takes at most as many as asked, the next goes on", async () => {
      await appendTexts(key, "1", "2", "3", "4", "5");
      const consumer = await join();
      const texts: string[] = [];
      while (texts.length < 5) {
        const records = await consumer.poll(2, patienceMs);
        expect(records.length).toBeLessThanOrEqual(2);
        texts.push(...records.map(textOf));
      }
      expect(texts).toEqual(["1", "2", "3", "4", "5"]);
    });

    test("a waiting poll wakes up when something is appended", async () => {
      const consumer = await join();
      const waiting = consumer.poll(10, patienceMs);
      await appendTexts(key, "1");
      expect((await waiting).map(textOf)).toEqual(["1"]);
    });

    test("a poll without news ends empty after its time", async () => {
      const consumer = await join();
      expect(await consumer.poll(10, 20)).toEqual([]);
      expect(await consumer.poll(10, 0)).toEqual([]);
    });

    test("closing ends a waiting poll, and the group may be joined again", async () => {
      const consumer = await join();
      const waiting = consumer.poll(10, patienceMs);
      await consumer.close();
      await consumer.close();
      expect(await waiting).toEqual([]);
      await appendTexts(key, "1");
      expect((await take(await join(), 1)).map(textOf)).toEqual(["1"]);
    });

    test("a paused partition waits, the others go on; resumed it lacks nothing", async () => {
      const consumer = await join();
      consumer.pause(membershipTopic, partition);
      await appendTexts(key, "a1", "a2");
      await appendTexts(otherKey, "b1");
      await appendTexts(key, "a3");
      expect((await take(consumer, 1)).map(textOf)).toEqual(["b1"]);
      expect(await consumer.poll(10, 20)).toEqual([]);
      consumer.resume(membershipTopic, partition);
      expect((await take(consumer, 3)).map(textOf)).toEqual(["a1", "a2", "a3"]);
      await appendTexts(key, "a4");
      expect((await take(consumer, 1)).map(textOf)).toEqual(["a4"]);
    });

    test("resuming wakes a waiting poll", async () => {
      const consumer = await join();
      consumer.pause(membershipTopic, partition);
      await appendTexts(key, "1");
      const waiting = consumer.poll(10, patienceMs);
      consumer.resume(membershipTopic, partition);
      expect((await waiting).map(textOf)).toEqual(["1"]);
    });

    test("a commit of others does not cover what a paused partition has not shown", async () => {
      const first = await join();
      first.pause(membershipTopic, partition);
      await appendTexts(key, "a1");
      await appendTexts(otherKey, "b1");
      await commitAll(first, await take(first, 1));
      expect((await take(await restart(first), 1)).map(textOf)).toEqual(["a1"]);
    });

    test("seek goes back in its partition alone, order kept", async () => {
      await log.append([
        recordOf(key, "a1"),
        recordOf(otherKey, "b1"),
        recordOf(key, "a2"),
        recordOf(key, "a3"),
      ]);
      const consumer = await join();
      const records = await take(consumer, 4);
      const second = records.find((record) => textOf(record) === "a2");
      consumer.seek(membershipTopic, partition, second?.offset ?? -1);
      await appendTexts(key, "a4");
      await appendTexts(otherKey, "b2");
      const again = await take(consumer, 4);
      const texts = (of: number): string[] => again.filter((record) => record.partition === of).map(textOf);
      expect([texts(partition), texts(otherPartition)]).toEqual([["a2", "a3", "a4"], ["b2"]]);
    });

    test("lag counts what was not read yet, paused or not", async () => {
      const consumer = await join();
      expect(await consumer.lag()).toBe(0);
      await appendTexts(key, "1", "2", "3");
      expect(await consumer.lag()).toBe(3);
      await take(consumer, 2);
      expect(await consumer.lag()).toBe(1);
      await take(consumer, 1);
      consumer.pause(membershipTopic, partition);
      await appendTexts(key, "4");
      await appendTexts(otherKey, "5");
      await take(consumer, 1);
      expect(await consumer.lag()).toBe(1);
    });

    test.each([11, Date.now() % 2 ** 32])(
      "random appends, polls, commits, pauses, seeks and restarts lose nothing, seed %d",
      (seed) => stress(opened, seed),
      30_000,
    );
  });
}
