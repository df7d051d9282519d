/**
 * Goal: catch-up gives members everything above their cursor, dense, and nobody else anything.
 * Method: the embedded store behind a fake that shows half applied batches.
 */
import { describe, expect, test } from "bun:test";
import { alice, bob, IngestCluster, mallory, upTo } from "../../tests/fakes/ingest-cluster.ts";
import { type SyncPage, syncMessages } from "./sync-messages.ts";

async function open(count: number) {
  const cluster = new IngestCluster();
  const ingest = cluster.instance();
  const chatId = await cluster.createChat("A");
  for (let from = 0; from < count; from += 100) {
    await cluster.settled(ingest.persist(...cluster.items(chatId, Math.min(100, count - from))));
  }
  const sync = (after: number, limit = 100, userId = alice): Promise<SyncPage> =>
    cluster.settled(syncMessages(ingest.deps, { chatId, userId, after, limit }));
  return { cluster, ingest, chatId, sync };
}

const sequences = (page: SyncPage): readonly number[] => page.messages.map(({ sequence }) => sequence);

describe("sync", () => {
  test("G-09 I-03 1,050 messages page by page: everything above the cursor, ascending, none twice", async () => {
    const { sync } = await open(1050);
    const all: number[] = [];
    for (let after = 3, more = true; more; after = all.at(-1) ?? after) {
      const page = await sync(after);
      all.push(...sequences(page));
      more = page.hasMore;
    }
    expect(all).toEqual([...upTo(1050, 4)]);
  });

  test("a cursor at or above the counter yields an empty page", async () => {
    const { sync } = await open(5);
    expect(await sync(5)).toEqual({ messages: [], hasMore: false });
    expect(await sync(500)).toEqual({ messages: [], hasMore: false });
  });

  test("a page that catches a half applied batch is read again until it is whole", async () => {
    const { cluster, ingest, sync } = await open(9);
    ingest.store.halfVisibleReads = 2;
    expect(sequences(await sync(0))).toEqual([...upTo(9)]);
    expect(cluster.logged.some(({ event }) => event === "sequence_gap")).toBe(false);
  });

  test("a hole that stays after three reads is served as it is, and somebody is called", async () => {
    const { cluster, ingest, sync } = await open(9);
    ingest.store.halfVisibleReads = 10;
    expect(sequences(await sync(0))).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
    expect(cluster.logged.at(-1)).toMatchObject({
      event: "sequence_gap",
      fields: { sequence: 5, severity: "SEV-1" },
    });
  });

  test("I-21 I-13 a removed member gets nothing, a stranger neither", async () => {
    const { cluster, chatId, sync } = await open(3);
    expect(sequences(await sync(0, 100, bob))).toEqual([1, 2, 3]);
    await cluster.chats.removeMember(chatId, bob, cluster.clock.nowMs());
    for (const userId of [bob, mallory]) {
      const refusal = await sync(0, 100, userId).then(
        () => "served",
        (error) => error.code,
      );
      expect(refusal).toBe("NOT_A_MEMBER");
    }
  });

  test("W-2 a page is cut before its frame would pass 256 KiB, and says that there is more", async () => {
    const { cluster, ingest, chatId, sync } = await open(0);
    for (let n = 0; n < 2; n++) {
      await cluster.settled(ingest.persist(...cluster.items(chatId, 50, { content: '"'.repeat(4096) })));
    }
    const page = await sync(0, 500);
    expect(page.hasMore).toBe(true);
    expect(page.messages.length).toBeGreaterThan(20);
    expect(JSON.stringify(page.messages).length).toBeLessThanOrEqual(262_144);
  });
});
