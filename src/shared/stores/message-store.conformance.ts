/** What every message store must do. Tests carry the ids of the durability contract's guarantees and invariants. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  batchOf,
  chatIdOf,
  clientIdOf,
  commitOne,
  fill,
  messageIdAt,
  messageOf,
  type OpenMessageStore,
  readAll,
  startMs,
} from "./message-store.harness.ts";
import { stress } from "./message-store.stress.ts";
import type { MessageStore } from "./message-store.ts";

const chat = chatIdOf("a");
const elsewhere = chatIdOf("b");
const range = { chatId: chat, after: 0, before: undefined, direction: "forward", limit: 100 } as const;
const dayMs = 24 * 3600 * 1000;

export function messageStoreConformance(name: string, open: () => Promise<OpenMessageStore>): void {
  describe(`${name} as MessageStore`, () => {
    let opened: OpenMessageStore;
    let store: MessageStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
      await opened.createChat(chat);
      await opened.createChat(elsewhere);
    });
    afterEach(() => opened.close());

    const sequences = async (): Promise<number[]> =>
      (await readAll(store, chat, 500)).map((message) => message.sequence);

    describe("commit", () => {
      test("I-34 no_zero_sequence, S-6: the first message of a chat is 1", async () => {
        expect(await commitOne(store, batchOf(chat, 0, [messageOf(1)]))).toEqual({
          kind: "committed",
          sequence: 1,
          results: [{ kind: "stored", sequence: 1 }],
        });
      });

      test("I-01 sequence_monotonic, G-01: numbers follow the order of the batch and of commits", async () => {
        await commitOne(store, batchOf(chat, 0, [messageOf(3), messageOf(1)]));
        await commitOne(store, batchOf(chat, 2, [messageOf(2)]));
        const stored = await readAll(store, chat, 10);
        expect(stored.map((message) => [message.sequence, message.content])).toEqual([
          [1, "message 3"],
          [2, "message 1"],
          [3, "message 2"],
        ]);
      });

      test("G-07: what was committed is read at once, byte for byte", async () => {
        const content = `${"🎉é\n\t".repeat(20)}${"x".repeat(3900)}`;
        const message = messageOf(7, { content });
        await commitOne(store, batchOf(chat, 0, [message]));
        const { originConnectionId: _, traceparent: __, ...stored } = message;
        const page = await opened.other.read(range);
        expect(page).toEqual({ messages: [{ ...stored, chatId: chat, sequence: 1 }], hasMore: false });
        expect(await store.latest([elsewhere, chat])).toEqual([undefined, page.messages[0]]);
      });

      test("a batch on an old counter loses the race and leaves nothing", async () => {
        await fill(store, chat, 1, 3);
        const outcome = await commitOne(store, batchOf(chat, 2, [messageOf(9)]));
        expect(outcome).toMatchObject({ kind: "lost_race", counter: { chatId: chat, sequence: 3 } });
        expect(await commitOne(store, batchOf(chat, 4, [messageOf(9)]))).toMatchObject({ kind: "lost_race" });
        expect(await sequences()).toEqual([1, 2, 3]);
        expect(await store.findKeys([{ chatId: chat, clientMessageId: clientIdOf(9) }])).toEqual([undefined]);
      });

      test("S-7: without a counter row nothing is stored, and none is made", async () => {
        await fill(store, chat, 1, 3);
        await opened.deleteCounter(chat);
        for (const expected of [3, 0]) {
          expect(await commitOne(store, batchOf(chat, expected, [messageOf(9)]))).toEqual({
            kind: "counter_missing",
          });
        }
        expect(await commitOne(store, batchOf(chatIdOf("nowhere"), 0, [messageOf(9)]))).toEqual({
          kind: "counter_missing",
        });
        expect(await sequences()).toEqual([1, 2, 3]);
        expect(await store.counters([chat, chatIdOf("nowhere")])).toEqual([undefined, undefined]);
      });

      test("I-27 sequence_uniqueness: a counter that is too low never overwrites a message", async () => {
        await fill(store, chat, 1, 5);
        await opened.setCounter(chat, 3);
        const before = await readAll(store, chat, 100);
        const outcome = await commitOne(store, batchOf(chat, 3, [messageOf(8), messageOf(9)]));
        expect(outcome).toEqual({ kind: "sequence_collision", sequence: 4 });
        expect(await readAll(store, chat, 100)).toEqual(before);
        expect(await store.findKeys([{ chatId: chat, clientMessageId: clientIdOf(8) }])).toEqual([undefined]);
      });

      test("a collision fails its own batch alone", async () => {
        await fill(store, chat, 1, 5);
        await opened.setCounter(chat, 4);
        const good = batchOf(elsewhere, 0, [messageOf(8)]);
        const [collided, fine] = await store.commit([batchOf(chat, 4, [messageOf(8)]), good]);
        expect(collided).toEqual({ kind: "sequence_collision", sequence: 5 });
        expect(fine).toMatchObject({ kind: "committed", sequence: 1 });
      });

      test("batches stand alone: one that fails does not take others with it", async () => {
        const outcomes = await store.commit([
          batchOf(chat, 5, [messageOf(1)]),
          batchOf(elsewhere, 0, [messageOf(1), messageOf(2)]),
          batchOf(chatIdOf("nowhere"), 0, [messageOf(1)]),
        ]);
        expect(outcomes.map((outcome) => outcome.kind)).toEqual([
          "lost_race",
          "committed",
          "counter_missing",
        ]);
        expect(await store.counters([chat, elsewhere])).toMatchObject([{ sequence: 0 }, { sequence: 2 }]);
      });

      test("nothing to commit is nothing", async () => {
        expect(await store.commit([])).toEqual([]);
      });
    });

    describe("idempotency", () => {
      test("S-2, S-12: the same id again is the same message, whatever its text", async () => {
        const first = messageOf(1);
        await commitOne(store, batchOf(chat, 0, [first]));
        const again = messageOf(1, { messageId: messageIdAt(startMs, 99), content: "another text" });
        const outcome = await commitOne(store, batchOf(chat, 1, [again]));
        const key = {
          chatId: chat,
          clientMessageId: first.clientMessageId,
          messageId: first.messageId,
          sequence: 1,
          senderId: first.senderId,
          createdAtMs: first.createdAtMs,
        };
        expect(outcome).toEqual({ kind: "committed", sequence: 1, results: [{ kind: "duplicate", key }] });
        expect((await readAll(store, chat, 10)).map((message) => message.content)).toEqual(["message 1"]);
        expect(await store.counters([chat])).toMatchObject([{ sequence: 1 }]);
        expect(await store.findKeys([{ chatId: chat, clientMessageId: first.clientMessageId }])).toEqual([
          key,
        ]);
      });

      test("S-18: a stored id leaves the batch, the rest is numbered without a hole", async () => {
        await fill(opened.other, chat, 1, 2);
        const messages = [3, 2, 4, 1, 5].map((number) => messageOf(number));
        const outcome = await commitOne(store, batchOf(chat, 2, messages));
        if (outcome.kind !== "committed") throw new Error(outcome.kind);
        expect(outcome.sequence).toBe(5);
        expect(
          outcome.results.map((result) =>
            result.kind === "stored" ? result.sequence : -result.key.sequence,
          ),
        ).toEqual([3, -2, 4, -1, 5]);
        expect(await sequences()).toEqual([1, 2, 3, 4, 5]);
      });

      test("an id belongs to its chat: elsewhere it is another message", async () => {
        const [a, b] = await store.commit([
          batchOf(chat, 0, [messageOf(1)]),
          batchOf(elsewhere, 0, [messageOf(1)]),
        ]);
        expect([a, b]).toMatchObject([
          { kind: "committed", sequence: 1 },
          { kind: "committed", sequence: 1 },
        ]);
      });

      test("keys come in the order asked, undefined where there is none", async () => {
        await fill(store, chat, 1, 3);
        const asked = [3, 9, 1].map((number) => ({ chatId: chat, clientMessageId: clientIdOf(number) }));
        const keys = await store.findKeys([...asked, { chatId: elsewhere, clientMessageId: clientIdOf(1) }]);
        expect(keys.map((key) => key?.sequence)).toEqual([3, undefined, 1, undefined]);
      });

      test("S-13: once the key is gone, the same id is a new message", async () => {
        await fill(store, chat, 1, 3);
        expect(await store.expireKeys(startMs + 3, 1)).toBe(1);
        expect(await store.expireKeys(startMs + 3, 100)).toBe(1);
        expect(await store.expireKeys(startMs + 3, 100)).toBe(0);
        const asked = [1, 2, 3].map((number) => ({ chatId: chat, clientMessageId: clientIdOf(number) }));
        expect((await store.findKeys(asked)).map((key) => key?.sequence)).toEqual([undefined, undefined, 3]);
        const outcome = await commitOne(store, batchOf(chat, 3, [messageOf(1)]));
        expect(outcome).toMatchObject({ results: [{ kind: "stored", sequence: 4 }] });
        expect(await sequences()).toEqual([1, 2, 3, 4]);
      });

      test("keys younger than the limit stay", async () => {
        await fill(store, chat, 1, 3);
        expect(await store.expireKeys(startMs + 1, 100)).toBe(0);
        expect(await store.expireKeys(startMs - 7 * dayMs, 100)).toBe(0);
        const [key] = await store.findKeys([{ chatId: chat, clientMessageId: clientIdOf(1) }]);
        expect(key?.sequence).toBe(1);
      });
    });

    describe("read", () => {
      test("G-09: catch-up of 1050 messages in pages of 100 skips none", async () => {
        await fill(store, chat, 1, 1050);
        const all = await readAll(store, chat, 100);
        expect(all.map((message) => message.content)).toEqual(
          Array.from({ length: 1050 }, (_, index) => `message ${index + 1}`),
        );
      });

      test.each([
        ["forward from the start", 0, undefined, "forward", 3, [1, 2, 3], true],
        ["forward after a cursor", 8, undefined, "forward", 3, [9, 10], false],
        ["forward, exactly the rest", 7, undefined, "forward", 3, [8, 9, 10], false],
        ["forward after the newest", 10, undefined, "forward", 3, [], false],
        ["forward beyond everything", 99, undefined, "forward", 3, [], false],
        ["backward from the end", 0, undefined, "backward", 3, [10, 9, 8], true],
        ["backward before a bound", 0, 3, "backward", 3, [2, 1], false],
        ["between two bounds, forward", 2, 6, "forward", 10, [3, 4, 5], false],
        ["between two bounds, backward", 2, 6, "backward", 2, [5, 4], true],
        ["between neighbours", 5, 6, "forward", 10, [], false],
      ] as const)("%s", async (_, after, before, direction, limit, expected, hasMore) => {
        await fill(store, chat, 1, 10);
        const page = await store.read({ chatId: chat, after, before, direction, limit });
        expect(page.messages.map((message) => message.sequence)).toEqual([...expected]);
        expect(page.hasMore).toBe(hasMore);
      });

      test("an unknown chat is empty", async () => {
        expect(await store.read({ ...range, chatId: chatIdOf("nowhere") })).toEqual({
          messages: [],
          hasMore: false,
        });
        expect(await store.latest([chatIdOf("nowhere")])).toEqual([undefined]);
      });

      test("OP-14: a message is found by its id, in its own chat only", async () => {
        await fill(store, chat, 1, 300);
        for (const number of [1, 2, 150, 299, 300]) {
          const { messageId } = messageOf(number);
          expect((await store.findMessage(chat, messageId))?.sequence).toBe(number);
          expect(await store.findMessage(elsewhere, messageId)).toBeUndefined();
        }
        expect(await store.findMessage(chat, messageIdAt(startMs + 150, 7))).toBeUndefined();
      });

      test("OP-14: an id made by a wrong clock is found as well", async () => {
        await fill(store, chat, 1, 200);
        const early = messageOf(201, { messageId: messageIdAt(startMs - 365 * dayMs, 1) });
        const late = messageOf(202, { messageId: messageIdAt(startMs + 365 * dayMs, 1) });
        await commitOne(store, batchOf(chat, 200, [late, early]));
        expect((await store.findMessage(chat, early.messageId))?.sequence).toBe(202);
        expect((await store.findMessage(chat, late.messageId))?.sequence).toBe(201);
      });
    });

    describe("counter", () => {
      test("I-29 counter_is_last_allocated: it is the highest stored sequence", async () => {
        expect(await store.counters([chat])).toEqual([{ chatId: chat, sequence: 0, publishedSequence: 0 }]);
        await fill(store, chat, 1, 120);
        const [none, counter] = await store.counters([elsewhere, chat]);
        expect([none?.sequence, counter?.sequence]).toEqual([0, 120]);
      });

      test("repair sets a missing or too low counter to the highest sequence, and sends go on", async () => {
        await fill(store, chat, 1, 7);
        await opened.deleteCounter(chat);
        expect(await store.repairCounter(chat)).toMatchObject({ chatId: chat, sequence: 7 });
        await opened.setCounter(chat, 2);
        expect(await store.repairCounter(chat)).toMatchObject({ sequence: 7 });
        expect(await commitOne(store, batchOf(chat, 7, [messageOf(8)]))).toMatchObject({ sequence: 8 });
      });

      test("repair never lowers a counter, and knows only chats that exist", async () => {
        await fill(store, chat, 1, 2);
        expect(await store.repairCounter(chat)).toMatchObject({ sequence: 2 });
        expect(await store.repairCounter(elsewhere)).toMatchObject({ sequence: 0 });
        expect(await store.repairCounter(chatIdOf("nowhere"))).toBeUndefined();
      });
    });

    test("I-48 no_unpublished_commit: a chat lags until everything is marked, never where commit publishes", async () => {
      await commitOne(store, { ...batchOf(chat, 0, [messageOf(1), messageOf(2)]), publishedSequence: 0 });
      const lagging = await store.findUnpublished(Number.MAX_SAFE_INTEGER, 10);
      const counter = { chatId: chat, sequence: 2 };
      if (store.publishesOnCommit) {
        expect(lagging).toEqual([]);
      } else {
        expect(lagging).toEqual([{ ...counter, publishedSequence: 0 }]);
        await store.markPublished(chat, 1);
        expect(await store.findUnpublished(Number.MAX_SAFE_INTEGER, 10)).toHaveLength(1);
      }
      await store.markPublished(chat, 2);
      expect(await store.counters([chat])).toEqual([{ ...counter, publishedSequence: 2 }]);
      expect(await store.findUnpublished(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
    });

    test.each([1, 20_260_131, Date.now() % 2 ** 32])(
      "I-01, I-27, I-29 … I-32, I-47, G-02, G-04 hold under random writers, seed %d",
      (seed) => stress(opened, seed),
      30_000,
    );
  });
}
