/**
 * Goal: whatever arrives in whatever order, the timeline ends as the server's and never goes backwards.
 * Method: random pushes, repeats, losses and pages against a list; then the edges by hand.
 */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import type { MessagePayload } from "../protocol/frames.ts";
import { Timeline, type TimelineChange } from "./timeline.ts";

function message(sequence: number): MessagePayload {
  return {
    message_id: `msg_${sequence}`,
    chat_id: "chat_A",
    sequence,
    sender_id: "user_A",
    content: `message ${sequence}`,
    content_type: "text/plain",
    created_at: "2026-01-31T10:00:00.000Z",
  };
}

const sequences = (messages: readonly MessagePayload[]): readonly number[] =>
  messages.map((one) => one.sequence);

test("random order, repetition and loss of pushes and pages end in the same timeline", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const random = new SeededRandom(seed);
  for (let round = 0; round < 300; round++) {
    const count = 1 + random.below(80);
    const timeline = new Timeline("chat_A", 0, 1000);
    const advanced: number[] = [];
    const added: number[] = [];
    const take = (change: TimelineChange): void => {
      advanced.push(...sequences(change.advanced));
      added.push(...sequences(change.added));
      const held = sequences(timeline.messages);
      expect(held, `seed ${seed}`).toEqual([...held].sort((a, b) => a - b));
      expect(change.missing, `seed ${seed}`).toBe(0);
      const above = held.filter((sequence) => sequence > timeline.cursor);
      expect(change.holeBefore, `seed ${seed}`).toBe(above[0]);
    };
    for (let action = 0; action < 120; action++) {
      if (random.below(4) > 0) {
        const pushes = Array.from({ length: 1 + random.below(3) }, () => message(1 + random.below(count)));
        take(timeline.insert(pushes));
      } else {
        // A page from the cursor of some earlier moment.
        const after = random.below(timeline.cursor + 1);
        const limit = 1 + random.below(10);
        const page = Array.from({ length: Math.min(limit, count - after) }, (_, index) =>
          message(after + 1 + index),
        );
        take(timeline.insertPage(after, page, after + page.length < count, timeline.highestSeen));
      }
    }
    while (timeline.cursor < count) {
      const after = timeline.cursor;
      const page = Array.from({ length: Math.min(7, count - after) }, (_, index) =>
        message(after + 1 + index),
      );
      take(timeline.insertPage(after, page, after + page.length < count, timeline.highestSeen));
    }
    const expected = Array.from({ length: count }, (_, index) => index + 1);
    expect(sequences(timeline.messages), `seed ${seed}`).toEqual(expected);
    expect(advanced, `seed ${seed}: ascending, dense, each once`).toEqual(expected);
    expect(
      [...added].sort((a, b) => a - b),
      `seed ${seed}: each once`,
    ).toEqual(expected);
  }
});

describe("edges", () => {
  test("a hole keeps the cursor and shows what came after it", () => {
    const timeline = new Timeline("chat_A", 0, 1000);
    const change = timeline.insert([message(1), message(4)]);
    expect(sequences(change.added)).toEqual([1, 4]);
    expect(sequences(change.advanced)).toEqual([1]);
    expect(change.holeBefore).toBe(4);
    expect([timeline.cursor, timeline.highestSeen]).toEqual([1, 4]);
  });

  test("a server's hole is counted and passed, once", () => {
    const timeline = new Timeline("chat_A", 0, 1000);
    timeline.insert([message(6)]);
    const change = timeline.insertPage(0, [message(1), message(4)], false, 6);
    expect(change.missing).toBe(3);
    expect(sequences(change.advanced)).toEqual([1, 4, 6]);
    expect(timeline.cursor).toBe(6);
    expect(timeline.insertPage(0, [message(1), message(4)], false, 6).missing).toBe(0);
  });

  test("an answer that ends below what was known to exist covers it", () => {
    const timeline = new Timeline("chat_A", 2, 1000);
    timeline.insert([message(5)]);
    const change = timeline.insertPage(2, [], false, 5);
    expect(change.missing).toBe(2);
    expect([timeline.cursor, change.holeBefore]).toEqual([5, undefined]);
  });

  test("what came while the question was on its way is no fault of the answer", () => {
    const timeline = new Timeline("chat_A", 2, 1000);
    timeline.insert([message(9)]);
    const change = timeline.insertPage(2, [message(3)], false, 3);
    expect([change.missing, change.holeBefore, timeline.cursor]).toEqual([0, 9, 3]);
  });

  test("an answer with more to come covers only what it holds", () => {
    const timeline = new Timeline("chat_A", 0, 1000);
    timeline.insert([message(500)]);
    const change = timeline.insertPage(0, [message(1), message(2)], true, 500);
    expect([change.missing, timeline.cursor]).toEqual([0, 2]);
  });

  test("keeps the newest messages only, never less than what lies beyond a hole", () => {
    const timeline = new Timeline("chat_A", 0, 5);
    timeline.insert(Array.from({ length: 20 }, (_, index) => message(index + 1)));
    expect(sequences(timeline.messages)).toEqual([16, 17, 18, 19, 20]);
    timeline.insert([message(22), message(23)]);
    expect(sequences(timeline.messages)).toEqual([18, 19, 20, 22, 23]);
    expect(timeline.insert([message(3)]).added).toEqual([]);
  });

  test("beyond a hole only so much is kept, and it is known that there is more", () => {
    const timeline = new Timeline("chat_A", 0, 5);
    const change = timeline.insert(Array.from({ length: 3000 }, (_, index) => message(index + 2)));
    expect(change.added.length).toBe(1000);
    expect(timeline.highestSeen).toBe(3001);
    expect(sequences(timeline.insert([message(1)]).advanced).at(-1)).toBe(1001);
  });
});
