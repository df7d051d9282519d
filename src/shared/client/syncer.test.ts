/** Goal: one question per chat at a time, none forgotten. Method: the syncer alone, answers by hand. */
import { expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { SyncRequestFrame } from "../protocol/frames.ts";
import { Syncer } from "./syncer.ts";
import { newUuid } from "./uuid.ts";

function start() {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const sent: SyncRequestFrame[] = [];
  const done: [string, boolean][] = [];
  let cursor = 0;
  const syncer = new Syncer(clock, random, {
    ready: () => true,
    send: (frame) => {
      sent.push(frame);
      return true;
    },
    newRequestId: () => newUuid(random),
    cursor: () => cursor,
    highestSeen: () => cursor,
    onPage: (page) => {
      cursor = Math.max(cursor, page.after + page.messages.length);
      return cursor;
    },
    onDone: ({ chatId, complete }) => done.push([chatId, complete]),
    onRefused: () => undefined,
    onUnauthorized: () => undefined,
    onGivenUp: () => undefined,
  });
  const answer = (index: number, sequences: readonly number[], nextSequence?: number): void => {
    const frame = sent[index];
    if (frame === undefined) throw new Error(`no request ${index}`);
    syncer.onResponse({
      type: "sync_response",
      request_id: frame.request_id,
      timestamp: "",
      payload: {
        chat_id: frame.payload.chat_id,
        messages: sequences.map((sequence) => ({
          message_id: `msg_${sequence}`,
          sequence,
          sender_id: "user_A",
          content: "",
          content_type: "text/plain",
          created_at: "",
        })),
        has_more: nextSequence !== undefined,
        ...(nextSequence === undefined ? {} : { next_sequence: nextSequence }),
      },
    });
  };
  return { clock, sent, done, syncer, answer };
}

test("a request that comes while the question is on its way is asked afterwards", () => {
  const { sent, done, syncer, answer } = start();
  syncer.request("chat_A");
  syncer.request("chat_A");
  expect(sent.length).toBe(1);
  answer(0, [1, 2]);
  expect(sent.map((frame) => frame.payload.last_acked_sequence)).toEqual([0, 2]);
  expect(done).toEqual([]);
  answer(1, []);
  expect(done).toEqual([["chat_A", true]]);
});

test("pages follow each other from next_sequence - 1", () => {
  const { sent, done, syncer, answer } = start();
  syncer.request("chat_A");
  answer(0, [1, 2, 3], 4);
  answer(1, [4], 5);
  answer(2, []);
  expect(sent.map((frame) => frame.payload.last_acked_sequence)).toEqual([0, 3, 4]);
  expect(done).toEqual([["chat_A", true]]);
});

test("a page that promises more and brings nothing ends the sync instead of looping", () => {
  const { sent, done, syncer, answer } = start();
  syncer.request("chat_A");
  answer(0, [], 1);
  expect([sent.length, done.length]).toEqual([1, 1]);
});

test("silence for 10 s leads to the same question under a new id; the late answer is no other's", async () => {
  const { clock, sent, done, syncer, answer } = start();
  syncer.request("chat_A");
  await clock.advance(12_000);
  expect(sent.length).toBe(2);
  expect(sent[1]?.request_id).not.toBe(sent[0]?.request_id);
  answer(0, [1]);
  expect(done).toEqual([]);
  answer(1, [1]);
  expect(done).toEqual([["chat_A", true]]);
});

test("after a lost connection nothing is left over", async () => {
  const { clock, sent, syncer, answer } = start();
  for (let chat = 0; chat < 20; chat++) syncer.request(`chat_${chat}`);
  syncer.onDown();
  expect(syncer.active).toBe(0);
  answer(0, [1]);
  await clock.advance(60_000);
  expect(sent.length).toBe(5);
  expect(clock.pendingTimers).toBe(0);
});
