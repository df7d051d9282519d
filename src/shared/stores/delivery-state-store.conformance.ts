/** What every store of delivery watermarks must do. Tests carry the names of the contract's invariants. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import type { ChatId, UserId } from "../domain/ids.ts";
import type { DeliveryStateStore, WatermarkAdvance } from "./delivery-state-store.ts";

export interface OpenDeliveryStateStore {
  readonly store: DeliveryStateStore;
  close(): Promise<void>;
}

const chat = "chat_a" as ChatId;
const elsewhere = "chat_b" as ChatId;
const user = "user_a" as UserId;
const other = "user_b" as UserId;

export function deliveryStateConformance(name: string, open: () => Promise<OpenDeliveryStateStore>): void {
  describe(`${name} as DeliveryStateStore`, () => {
    let opened: OpenDeliveryStateStore;
    let store: DeliveryStateStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    const advance = (sequence: number, change: Partial<WatermarkAdvance> = {}): WatermarkAdvance => ({
      userId: user,
      chatId: chat,
      sequence,
      nowMs: 1000 + sequence,
      ...change,
    });
    const state = (lastAckedSequence: number, userId = user, chatId = chat) => ({
      userId,
      chatId,
      lastAckedSequence,
      updatedAtMs: 1000 + lastAckedSequence,
    });

    test("ack_cumulative, multi_device_highest_wins: 50, 48, 52 from two devices give 50, 50, 52", async () => {
      expect(await store.advance([advance(50)])).toEqual([state(50)]);
      expect(await store.advance([advance(48)])).toEqual([state(50)]);
      expect(await store.advance([advance(52)])).toEqual([state(52)]);
      expect(await store.get([{ userId: user, chatId: chat }])).toEqual([state(52)]);
    });

    test("G-11: the same value again changes nothing, not even the time", async () => {
      await store.advance([advance(5)]);
      expect(await store.advance([advance(5, { nowMs: 99_999 })])).toEqual([state(5)]);
    });

    test("several advances in one call are answered in order, also for one watermark", async () => {
      const advances = [advance(3), advance(7, { userId: other }), advance(2), advance(4)];
      expect(await store.advance(advances)).toEqual([state(3), state(7, other), state(3), state(4)]);
      expect(await store.advance([])).toEqual([]);
    });

    test("states come in the order asked; what was never acknowledged is undefined", async () => {
      await store.advance([advance(3), advance(9, { chatId: elsewhere })]);
      const states = await store.get([
        { userId: user, chatId: elsewhere },
        { userId: other, chatId: chat },
        { userId: user, chatId: chat },
      ]);
      expect(states).toEqual([state(9, user, elsewhere), undefined, state(3)]);
    });

    test("all watermarks of a user, and of that user alone", async () => {
      await store.advance([advance(3), advance(9, { chatId: elsewhere }), advance(1, { userId: other })]);
      const states = [...(await store.listOf(user))].sort((a, b) => (a.chatId < b.chatId ? -1 : 1));
      expect(states).toEqual([state(3), state(9, user, elsewhere)]);
      expect(await store.listOf("user_nobody" as UserId)).toEqual([]);
    });

    test("the largest sequence that JSON carries is kept exactly, larger and smaller values are refused", async () => {
      const [kept] = await store.advance([advance(Number.MAX_SAFE_INTEGER)]);
      expect(kept?.lastAckedSequence).toBe(Number.MAX_SAFE_INTEGER);
      for (const sequence of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
        await expect(store.advance([advance(sequence, { userId: other })])).rejects.toMatchObject({
          code: "INVALID_SEQUENCE",
        });
      }
      expect(await store.listOf(other)).toEqual([]);
    });

    test.each([7, Date.now() % 2 ** 32])(
      "I-24 delivery_watermark_monotonic: random acks from many devices never lower it, seed %d",
      async (seed) => {
        const random = new SeededRandom(seed);
        let highest = 0;
        for (let round = 0; round < 20; round += 1) {
          const acks = Array.from({ length: 8 }, () => 1 + random.below(1000));
          const answers = await Promise.all(acks.map((sequence) => store.advance([advance(sequence)])));
          for (const [index, [answer]] of answers.entries()) {
            expect(answer?.lastAckedSequence).toBeGreaterThanOrEqual(Math.max(highest, acks[index] ?? 0));
          }
          highest = Math.max(highest, ...acks);
          expect(await store.get([{ userId: user, chatId: chat }])).toMatchObject([
            { lastAckedSequence: highest },
          ]);
        }
      },
    );
  });
}
