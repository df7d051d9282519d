/** Goal: the tail never shows a hole and stays within its bound. Method: records with chosen offsets. */
import { expect, test } from "bun:test";
import type { LogRecord } from "../event-log.ts";
import { LogTail } from "./log-tail.ts";

const topic = "memberships.changed";

function records(first: number, last: number): LogRecord[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    topic,
    partition: 0,
    offset: first + index,
    key: null,
    headers: {},
    timestampMs: 0,
    value: () => new Uint8Array(),
    event: undefined,
  }));
}
const tailWith = (recordsMax: number): LogTail => new LogTail({ recordsMax, producerId: "test" });
const offsets = (tail: LogTail, from: number, limit = 100): number[] | undefined =>
  tail.slice(topic, from, limit)?.map((record) => record.offset);

test("before the first record the table must be read", () => {
  const tail = tailWith(10);
  expect(offsets(tail, 1)).toBeUndefined();
  tail.startAt(topic, 5);
  expect(offsets(tail, 4)).toBeUndefined();
  expect(offsets(tail, 5)).toEqual([]);
  tail.append(topic, records(5, 6));
  expect(offsets(tail, 5)).toEqual([5, 6]);
  tail.startAt(topic, 9);
  expect(offsets(tail, 6)).toEqual([6]);
});

test("a slice starts where asked and ends at its limit or at the end", () => {
  const tail = tailWith(10);
  tail.append(topic, records(3, 7));
  expect(offsets(tail, 3, 2)).toEqual([3, 4]);
  expect(offsets(tail, 6)).toEqual([6, 7]);
  expect(offsets(tail, 8)).toEqual([]);
  expect(offsets(tail, 2)).toBeUndefined();
});

test("records beyond a hole start the tail anew, late ones from before it are ignored", () => {
  const tail = tailWith(10);
  tail.append(topic, records(1, 3));
  tail.append(topic, records(6, 7));
  expect(offsets(tail, 3)).toBeUndefined();
  expect(offsets(tail, 6)).toEqual([6, 7]);
  tail.append(topic, records(4, 5));
  expect(offsets(tail, 4)).toBeUndefined();
  expect(offsets(tail, 6)).toEqual([6, 7]);
});

test("at most twice the limit is held, at least the newest of the limit", () => {
  const tail = tailWith(4);
  for (let offset = 1; offset <= 100; offset += 1) {
    tail.append(topic, records(offset, offset));
    expect(offsets(tail, Math.max(1, offset - 3))).toHaveLength(Math.min(4, offset));
    if (offset > 8) expect(offsets(tail, offset - 8)).toBeUndefined();
  }
  tail.append(topic, records(200, 299));
  expect(offsets(tail, 296)).toEqual([296, 297, 298, 299]);
  expect(offsets(tail, 295)).toBeUndefined();
});

test("every append is told to listeners until they leave", () => {
  const tail = tailWith(4);
  let told = 0;
  const leave = tail.onAppend(() => {
    told += 1;
  });
  tail.append(topic, records(1, 1));
  tail.append(topic, []);
  leave();
  tail.append(topic, records(2, 2));
  expect(told).toBe(1);
});
