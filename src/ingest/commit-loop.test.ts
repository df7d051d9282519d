/**
 * Goal: whatever the store answers, and however many writers fight, sequences stay dense, messages are stored once
 * and everybody is answered. Method: planted faults over the embedded store on a virtual clock.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  failure,
  IngestCluster,
  type IngestInstance,
  sequencesOf,
  success,
  upTo,
} from "../../tests/fakes/ingest-cluster.ts";
import type { ChatId } from "../shared/domain/ids.ts";
import type { ChatBatch, MessageStore } from "../shared/stores/message-store.ts";
import type { PersistResult } from "./persist-result.ts";

async function open(count = 0) {
  const cluster = new IngestCluster();
  const ingest = cluster.instance();
  const chat = await cluster.createChat("A");
  if (count > 0) await cluster.settled(ingest.persist(...cluster.items(chat, count)));
  return { cluster, ingest, chat };
}

const codes = (results: readonly PersistResult[]): readonly string[] =>
  results.map((result) => (result.ok ? String(result.sequence) : result.code));

/** A rival that commits `count` messages each time it is asked. */
function rival(cluster: IngestCluster, chat: ChatId, count: number): () => Promise<void> {
  let number = 0;
  return async () => {
    const [counter] = await cluster.truth.counters([chat]);
    const expectedSequence = counter?.sequence ?? 0;
    const messages = Array.from({ length: count }, () => {
      number++;
      return {
        messageId: `msg_R${number}` as never,
        clientMessageId: `99999999-0000-4000-8000-${number.toString(16).padStart(12, "0")}` as never,
        senderId: "user_BOB" as never,
        content: `rival ${number}`,
        contentType: "text/plain" as const,
        createdAtMs: cluster.clock.nowMs(),
        originConnectionId: undefined,
        traceparent: undefined,
      };
    });
    await cluster.truth.commit([
      { chatId: chat, expectedSequence, publishedSequence: expectedSequence, messages },
    ]);
  };
}

async function expectDense(cluster: IngestCluster, chat: ChatId): Promise<void> {
  const stored = await cluster.stored(chat);
  expect(stored.map(({ sequence }) => sequence)).toEqual([...upTo(stored.length)]);
  expect(await cluster.counter(chat)).toBe(stored.length);
  expect(new Set(stored.map(({ clientMessageId }) => clientMessageId)).size).toBe(stored.length);
}

describe("batches", () => {
  test("S-18 49 wait, one of them stored before, a second writer commits meanwhile: 48 follow densely", async () => {
    const { cluster, ingest, chat } = await open(5);
    const known = cluster.item(chat);
    await cluster.settled(cluster.instance().persist(known));
    const items = [...cluster.items(chat, 20), known, ...cluster.items(chat, 28)];
    ingest.store.staleKeyReads = 1;
    ingest.store.plant({ kind: "raced", by: rival(cluster, chat, 3) });
    const results = await cluster.settled(ingest.persist(...items));
    expect(success(results[20])).toMatchObject({ sequence: 6, deduplicated: true });
    const others = results.filter((_, index) => index !== 20);
    expect(sequencesOf(others)).toEqual([...upTo(57, 10)]);
    expect(ingest.store.commits.every(({ messages }) => 1 + 2 * messages.length <= 100)).toBe(true);
    await expectDense(cluster, chat);
  });

  test("no batch holds more than 49 messages, and what arrives during a commit shares the next", async () => {
    const { cluster, ingest, chat } = await open(1);
    ingest.store.plant({ kind: "slow", beforeMs: 100, afterMs: 0 });
    const calls = [ingest.persist(cluster.item(chat))];
    await cluster.clock.advance(1);
    for (let call = 0; call < 60; call++) calls.push(ingest.persist(cluster.item(chat)));
    const results = (await cluster.settled(Promise.all(calls))).flat();
    expect(sequencesOf(results)).toEqual([...upTo(62, 2)]);
    expect(ingest.store.commits.slice(1).map(({ messages }) => messages.length)).toEqual([1, 49, 11]);
  });

  test("different chats commit with one call to the store", async () => {
    const { cluster, ingest, chat } = await open(1);
    const other = await cluster.createChat("B");
    await cluster.settled(ingest.persist(cluster.item(other)));
    const calls: (readonly ChatBatch[])[] = [];
    const commit = ingest.store.commit.bind(ingest.store);
    ingest.store.commit = (batches) => {
      calls.push(batches);
      return commit(batches);
    };
    await cluster.settled(ingest.persist(cluster.item(chat), cluster.item(other), cluster.item(chat)));
    expect(calls.map((batches) => batches.map(({ messages }) => messages.length))).toEqual([[2, 1]]);
  });

  test("G-01 I-01 three senders of 50 concurrent sends each: one order, commit order = sequence order", async () => {
    const { cluster, ingest, chat } = await open();
    const others = [ingest, cluster.instance(), cluster.instance()];
    const calls = others.flatMap((instance) =>
      Array.from({ length: 50 }, () => instance.persist(cluster.item(chat, { deadlineMs: 30_000 }))),
    );
    const results = (await cluster.settled(Promise.all(calls), 300_000)).flat();
    expect([...sequencesOf(results)].sort((a, b) => a - b)).toEqual([...upTo(150)]);
    expect((await cluster.events()).map(({ sequence }) => sequence)).toEqual([...upTo(150)]);
    await expectDense(cluster, chat);
  });
});

describe("two writers", () => {
  test("two writers duel and the loser does not starve: at once with the row returned, then sleep and a strong read", async () => {
    const { cluster, ingest, chat } = await open(1);
    const by = rival(cluster, chat, 1);
    const readsBefore = ingest.store.counterReads;
    ingest.store.plant({ kind: "raced", by }, { kind: "raced", by }, { kind: "raced", by });
    const startMs = cluster.clock.nowMs();
    let results: readonly PersistResult[] = [];
    const work = ingest.persist(cluster.item(chat)).then((all) => {
      results = all;
    });
    await cluster.clock.advance(0);
    // The first retry needed neither time nor a read.
    expect(ingest.store.commits).toHaveLength(3);
    expect(ingest.store.counterReads).toBe(readsBefore);
    await cluster.settled(work);
    expect(sequencesOf(results)).toEqual([5]);
    expect(cluster.clock.nowMs() - startMs).toBeGreaterThanOrEqual(100);
    expect(ingest.store.counterReads - readsBefore).toBe(2);
    await expectDense(cluster, chat);
  });

  test("after five lost retries the sender is told to try again, and the next send has its five anew", async () => {
    const { cluster, ingest, chat } = await open(1);
    const by = rival(cluster, chat, 1);
    const raced = { kind: "raced", by } as const;
    ingest.store.plant(...Array.from({ length: 6 }, () => raced));
    const lost = await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(failure(lost[0]).code).toBe("SERVICE_UNAVAILABLE");
    expect(ingest.store.commits).toHaveLength(7);
    ingest.store.plant(...Array.from({ length: 5 }, () => raced));
    expect(sequencesOf(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual([13]);
  });

  test("a batch that fails otherwise gives the next one its full count of retries", async () => {
    const { cluster, ingest, chat } = await open(1);
    const raced = { kind: "raced", by: rival(cluster, chat, 1) } as const;
    ingest.store.plant(raced, raced, raced, { kind: "unavailable" });
    await cluster.settled(ingest.persist(cluster.item(chat)));
    ingest.store.plant(raced, raced, raced, raced, raced);
    const [result] = await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(success(result).sequence).toBe(10);
  });

  test("I-47 two instances under load on one chat: dense, and both finish everything", async () => {
    const { cluster, ingest, chat } = await open();
    const other = cluster.instance();
    const run = async (instance: IngestInstance): Promise<number> => {
      let stored = 0;
      for (let n = 0; n < 30; n++) {
        const item = cluster.item(chat);
        for (;;) {
          const [result] = await instance.persist(item);
          if (result?.ok === true) break;
        }
        stored++;
      }
      return stored;
    };
    const counts = await cluster.settled(Promise.all([run(ingest), run(other)]), 600_000);
    expect(counts).toEqual([30, 30]);
    await expectDense(cluster, chat);
    expect(await cluster.stored(chat)).toHaveLength(60);
  });
});

describe("refusals of the store", () => {
  test.each(["unavailable", "unknown_before", "throws_before"] as const)(
    "%s: all of the batch are told, the counter is read strongly, the next send goes on",
    async (kind) => {
      const { cluster, ingest, chat } = await open(2);
      const readsBefore = ingest.store.counterReads;
      ingest.store.plant({ kind });
      const lost = await cluster.settled(ingest.persist(...cluster.items(chat, 3)));
      expect(codes(lost)).toEqual(Array(3).fill("SERVICE_UNAVAILABLE"));
      expect(sequencesOf(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual([3]);
      expect(ingest.store.counterReads).toBe(readsBefore + 1);
      await expectDense(cluster, chat);
    },
  );

  test("one chat's fault does not touch another's batch of the same call", async () => {
    const { cluster, ingest, chat } = await open(1);
    const other = await cluster.createChat("B");
    await cluster.settled(ingest.persist(cluster.item(other)));
    ingest.store.plant({ kind: "unavailable" });
    const results = await cluster.settled(ingest.persist(cluster.item(chat), cluster.item(other)));
    expect(codes(results)).toEqual(["SERVICE_UNAVAILABLE", "2"]);
  });

  test("a counter that cannot be read refuses what waits, and the next send reads it again", async () => {
    const { cluster, ingest, chat } = await open();
    ingest.store.failCounterReads = 1;
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["SERVICE_UNAVAILABLE"]);
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["1"]);
  });

  test("repetitions of a send that failed are tried anew, and only one of them is the original", async () => {
    const { cluster, ingest, chat } = await open(1);
    const item = cluster.item(chat);
    ingest.store.plant({ kind: "unavailable" });
    const results = await cluster.settled(ingest.persist(item, item, item));
    expect(codes(results)).toEqual(["SERVICE_UNAVAILABLE", "2", "2"]);
    expect(results.slice(1).map((result) => success(result).deduplicated)).toEqual([false, true]);
    await expectDense(cluster, chat);
  });

  test("repetitions of a send that was stored unheard find its key", async () => {
    const { cluster, ingest, chat } = await open(1);
    const item = cluster.item(chat);
    ingest.store.plant({ kind: "unknown_after" });
    const results = await cluster.settled(ingest.persist(item, item));
    expect(codes(results)).toEqual(["SERVICE_UNAVAILABLE", "2"]);
    expect(success(results[1]).deduplicated).toBe(true);
    await expectDense(cluster, chat);
  });
});

describe("damage", () => {
  /** A cluster whose counters can be harmed: the truth is wrapped, the store's own file is not reachable. */
  function harmed(cluster: IngestCluster, instance: IngestInstance, harm: Partial<MessageStore>): void {
    Object.assign(instance.store, harm);
    expect(cluster.truth.publishesOnCommit).toBe(true);
  }

  test("S-7 a missing counter row: INTERNAL_ERROR, nothing written, SEV-1; after the repair sends go on", async () => {
    const { cluster, ingest, chat } = await open(10);
    let missing = true;
    const commit = ingest.store.commit.bind(ingest.store);
    const counters = ingest.store.counters.bind(ingest.store);
    harmed(cluster, ingest, {
      commit: async (batches) =>
        missing ? batches.map(() => ({ kind: "counter_missing" })) : commit(batches),
      counters: async (ids) => (missing ? ids.map(() => undefined) : counters(ids)),
    });
    for (let n = 0; n < 3; n++) {
      const [result] = await cluster.settled(ingest.persist(cluster.item(chat)));
      expect(failure(result).code).toBe("INTERNAL_ERROR");
    }
    expect(await cluster.stored(chat)).toHaveLength(10);
    expect(cluster.logged.filter(({ event }) => event === "counter_missing")).toHaveLength(3);
    expect(cluster.logged.at(-1)?.fields).toMatchObject({ severity: "SEV-1", chat_id: chat });
    missing = false;
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["11"]);
  });

  test("I-27 a taken number halts the chat alone: no overwrite, SEV-1, others go on, a repair ends it", async () => {
    const { cluster, ingest, chat } = await open(3);
    const other = await cluster.createChat("B");
    const commit = ingest.store.commit.bind(ingest.store);
    harmed(cluster, ingest, {
      commit: async (batches) =>
        (
          await Promise.all(
            batches.map(async (batch) =>
              batch.chatId === chat
                ? [{ kind: "sequence_collision" as const, sequence: 4 }]
                : commit([batch]),
            ),
          )
        ).flat(),
    });
    const results = await cluster.settled(ingest.persist(cluster.item(chat), cluster.item(other)));
    expect(codes(results)).toEqual(["INTERNAL_ERROR", "1"]);
    harmed(cluster, ingest, { commit });
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["INTERNAL_ERROR"]);
    expect(cluster.logged.some(({ event }) => event === "sequence_collision")).toBe(true);
    await cluster.truth.repairCounter(chat);
    ingest.loop.forget(chat);
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["4"]);
    await expectDense(cluster, chat);
  });

  test("a counter below what this writer committed is corrupt: halted, not followed", async () => {
    const { cluster, ingest, chat } = await open(5);
    ingest.store.plant({ kind: "unavailable" });
    await cluster.settled(ingest.persist(cluster.item(chat)));
    harmed(cluster, ingest, {
      counters: async (ids) => ids.map((chatId) => ({ chatId, sequence: 2, publishedSequence: 2 })),
    });
    const [result] = await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(failure(result)).toMatchObject({
      code: "INTERNAL_ERROR",
      message: expect.stringContaining("at least 5"),
    });
    expect(await cluster.stored(chat)).toHaveLength(5);
  });

  test("S-7 on a real file: the row is deleted under the server, repair restores it, 11 follows", async () => {
    const directory = mkdtempSync(join(tmpdir(), "commit-loop-"));
    const cluster = new IngestCluster(1, join(directory, "test.sqlite"));
    const ingest = cluster.instance();
    const chat = await cluster.createChat("A");
    await cluster.settled(ingest.persist(...cluster.items(chat, 10)));
    const beside = new Database(join(directory, "test.sqlite"));
    beside.run("DELETE FROM chat_counters");
    beside.close();
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["INTERNAL_ERROR"]);
    expect((await cluster.truth.repairCounter(chat))?.sequence).toBe(10);
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["11"]);
    await expectDense(cluster, chat);
    await cluster.storage.close();
    rmSync(directory, { recursive: true });
  });
});

describe("bounds and the end", () => {
  test("501 messages want to wait in one chat: one is refused, nothing of it is stored", async () => {
    const { cluster, ingest, chat } = await open(1);
    ingest.store.plant({ kind: "slow", beforeMs: 1000, afterMs: 0 });
    const calls = [ingest.persist(cluster.item(chat))];
    await cluster.clock.advance(1);
    for (let call = 0; call < 6; call++) {
      calls.push(ingest.persist(...cluster.items(chat, call < 5 ? 100 : 1, { deadlineMs: 60_000 })));
    }
    const results = (await cluster.settled(Promise.all(calls))).flat();
    expect(results.filter((result) => !result.ok)).toHaveLength(1);
    expect(codes(results)).toContain("SERVICE_UNAVAILABLE");
    expect(await cluster.counter(chat)).toBe(502);
    await expectDense(cluster, chat);
  });

  test("repetitions of one send are bounded too", async () => {
    const cluster = new IngestCluster();
    const ingest = cluster.instance({ waitingPerChatMax: 3 });
    const chat = await cluster.createChat("A");
    ingest.store.plant({ kind: "slow", beforeMs: 100, afterMs: 0 });
    const item = cluster.item(chat);
    const results = await cluster.settled(ingest.persist(...Array.from({ length: 6 }, () => item)));
    expect(codes(results)).toEqual(["1", "1", "1", "1", "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE"]);
  });

  test("a drain answers what is in hand, refuses what comes, and only then ends", async () => {
    const { cluster, ingest, chat } = await open(1);
    ingest.store.plant({ kind: "slow", beforeMs: 500, afterMs: 0 });
    const inHand = ingest.persist(cluster.item(chat));
    await cluster.clock.advance(1);
    const waiting = ingest.persist(cluster.item(chat));
    await cluster.clock.advance(1);
    let ended = false;
    const end = ingest.loop.close().then(() => {
      ended = true;
    });
    const refused = await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(codes(refused)).toEqual(["SERVICE_UNAVAILABLE"]);
    expect(ended).toBe(false);
    await cluster.settled(end);
    expect(codes([...(await inHand), ...(await waiting)])).toEqual(["2", "3"]);
  });

  test("a drain waits for a writer that sleeps after a lost race", async () => {
    const { cluster, ingest, chat } = await open(1);
    const raced = { kind: "raced", by: rival(cluster, chat, 1) } as const;
    ingest.store.plant(raced, raced);
    const work = ingest.persist(cluster.item(chat));
    await cluster.clock.advance(0);
    await cluster.settled(ingest.loop.close());
    expect(codes(await work)).toEqual(["4"]);
  });

  test("a drain of an idle loop ends at once", async () => {
    const { ingest } = await open();
    expect(await ingest.loop.close()).toBeUndefined();
  });

  test("a writer without work for a minute is dropped and its chat goes on from the store's counter", async () => {
    const { cluster, ingest, chat } = await open(2);
    const reads = ingest.store.counterReads;
    await cluster.settled(ingest.persist(cluster.item(chat)));
    expect(ingest.store.counterReads).toBe(reads);
    await cluster.clock.advance(130_000);
    await rival(cluster, chat, 4)();
    expect(codes(await cluster.settled(ingest.persist(cluster.item(chat))))).toEqual(["8"]);
    expect(ingest.store.counterReads).toBe(reads + 1);
    expect(ingest.store.commits).toHaveLength(3);
  });
});
