/**
 * Goal: batches, isolation of commands, and survival of a full disk and a dead thread.
 * Method: small commands of our own inline, the stores' commands on the real thread.
 */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { TriplaneError } from "../../domain/errors.ts";
import type { ChatId, UserId } from "../../domain/ids.ts";
import { defineCommand, perDatabase } from "./command.ts";
import { indexCommands } from "./commands.ts";
import { advanceWatermarks, getWatermarks } from "./delivery-commands.ts";
import { defaultInlineStorageOptions, openInlineStorage } from "./inline-storage.ts";
import { commitPositions } from "./log-positions.ts";
import { temporaryDirectory } from "./temporary-directory.fixture.ts";
import { attachStorage, defaultThreadStorageOptions, openThreadStorage } from "./thread-storage.ts";

const temporary = temporaryDirectory();

const put = defineCommand<{ key: string; refuse?: boolean; size?: number }, string>({
  name: "test.put",
  kind: "write",
  run: (db, { key, refuse, size }) => {
    const value = "x".repeat(size ?? 1);
    db.query("INSERT INTO direct_chat_index (pair_key, chat_id) VALUES (?, ?)").run(key, value);
    if (refuse) throw new TriplaneError("CONFLICT", `no ${key}`, { details: { key } });
    return key;
  },
});
const keys = defineCommand<null, string[]>({
  name: "test.keys",
  kind: "read",
  run: (db) =>
    db
      .query<{ pair_key: string }, []>("SELECT pair_key FROM direct_chat_index ORDER BY pair_key")
      .all()
      .map((row) => row.pair_key),
});
const pragma = defineCommand<string, null>({
  name: "test.pragma",
  kind: "read",
  run: (db, text) => {
    db.run(text);
    return null;
  },
});
const total = defineCommand<null, number>({
  name: "test.page_count",
  kind: "read",
  run: (db) => db.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0,
});
/** Passes every check but the one at COMMIT. */
const orphanCounter = defineCommand<null, null>({
  name: "test.orphan",
  kind: "write",
  run: (db) => {
    db.run("PRAGMA defer_foreign_keys = ON");
    db.run("INSERT INTO chat_counters VALUES (4711, 0)");
    return null;
  },
});

const advance = (sequence: number, chatId = "chat_a" as ChatId) => [
  { userId: "user_a" as UserId, chatId, sequence, nowMs: 1 },
];
const watermark = [{ userId: "user_a" as UserId, chatId: "chat_a" as ChatId }];
/** Settled before it is looked at: `expect().rejects` holds up the turn that the thread's batches wait for. */
const refusalOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => `it resolved with ${JSON.stringify(value)}`,
    (thrown: unknown) => thrown,
  );
const unavailable = { code: "SERVICE_UNAVAILABLE" };

describe("a batch", () => {
  test("keeps the order of commands: a read sees the writes before it, not those after", async () => {
    const storage = openInlineStorage(":memory:");
    const seen = await Promise.all([
      storage.run(keys, null),
      storage.run(put, { key: "a" }),
      storage.run(keys, null),
      storage.run(put, { key: "b" }),
      storage.run(keys, null),
    ]);
    expect(seen).toEqual([[], "a", ["a"], "b", ["a", "b"]]);
    await storage.close();
  });

  test("holds everything that was issued in one turn, and nothing of the next", async () => {
    const batches: (() => void)[] = [];
    const storage = openInlineStorage(":memory:", {
      ...defaultInlineStorageOptions,
      schedule: (flush) => batches.push(flush),
    });
    const first = [storage.run(put, { key: "a" }), storage.run(put, { key: "b" })];
    expect(batches).toHaveLength(1);
    batches.shift()?.();
    expect(await Promise.all(first)).toEqual(["a", "b"]);
    const second = storage.run(put, { key: "c" });
    expect(batches).toHaveLength(1);
    batches.shift()?.();
    expect(await second).toBe("c");
    await storage.close();
  });

  test("is cut at its limit; what is left goes next", async () => {
    const storage = openInlineStorage(":memory:", { ...defaultInlineStorageOptions, batchCommandsMax: 2 });
    const issued = ["a", "b", "c", "d", "e"].map((key) => storage.run(put, { key }));
    expect(await Promise.all(issued)).toEqual(["a", "b", "c", "d", "e"]);
    await storage.close();
  });

  test("more waiting commands than the limit are refused at once, the others run", async () => {
    const storage = openInlineStorage(":memory:", { ...defaultInlineStorageOptions, waitingMax: 2 });
    const results = await Promise.allSettled(["a", "b", "c"].map((key) => storage.run(put, { key })));
    expect(results).toMatchObject([
      { value: "a" },
      { value: "b" },
      { reason: { code: "SERVICE_UNAVAILABLE", message: "2 store commands wait, limit 2" } },
    ]);
    await storage.close();
  });

  test("a refused command undoes itself alone", async () => {
    const storage = openInlineStorage(":memory:");
    const results = await Promise.allSettled([
      storage.run(put, { key: "a" }),
      storage.run(put, { key: "b", refuse: true }),
      storage.run(put, { key: "a" }),
      storage.run(put, { key: "c" }),
    ]);
    expect(results).toMatchObject([
      { value: "a" },
      { reason: { code: "CONFLICT", message: "no b", details: { key: "b" } } },
      { reason: { code: "INTERNAL_ERROR" } },
      { value: "c" },
    ]);
    expect(await storage.run(keys, null)).toEqual(["a", "c"]);
    await storage.close();
  });

  test("closing runs what was issued and refuses what comes", async () => {
    const path = temporary();
    const storage = openInlineStorage(path);
    const last = storage.run(put, { key: "last" });
    const closed = storage.close();
    await expect(storage.run(put, { key: "late" })).rejects.toMatchObject(unavailable);
    await closed;
    expect(await last).toBe("last");
    expect(storage.healthy()).toBe(false);
    const again = openInlineStorage(path);
    expect(await again.run(keys, null)).toEqual(["last"]);
    await again.close();
  });
});

describe("a failing COMMIT", () => {
  test("fails every write of the batch and every read that saw them, not the reads before", async () => {
    const storage = openInlineStorage(":memory:");
    const results = await Promise.allSettled([
      storage.run(keys, null),
      storage.run(put, { key: "a" }),
      storage.run(orphanCounter, null),
      storage.run(keys, null),
    ]);
    expect(results).toMatchObject([
      { value: [] },
      { reason: { ...unavailable, cause: { code: "SQLITE_CONSTRAINT_FOREIGNKEY" } } },
      { reason: unavailable },
      { reason: unavailable },
    ]);
    expect(await storage.run(keys, null)).toEqual([]);
    expect(await storage.run(put, { key: "a" })).toBe("a");
    await storage.close();
  });

  test("a full disk refuses writes, keeps reads, and recovers by itself", async () => {
    const storage = openInlineStorage(temporary());
    await storage.run(put, { key: "before" });
    await storage.run(pragma, `PRAGMA max_page_count = ${(await storage.run(total, null)) + 3}`);
    const large = { key: "large", size: 100_000 };
    const results = await Promise.allSettled([
      storage.run(put, { key: "small" }),
      storage.run(put, large),
      storage.run(put, { key: "after" }),
    ]);
    expect(results[1]).toMatchObject({ reason: { ...unavailable, cause: { code: "SQLITE_FULL" } } });
    const told = ["small", "large", "after"].filter((_, index) => results[index]?.status === "fulfilled");
    expect(await storage.run(keys, null)).toEqual(["before", ...told].sort());
    expect(storage.healthy()).toBe(true);
    await storage.run(pragma, "PRAGMA max_page_count = 100000");
    expect(await storage.run(put, large)).toBe("large");
    await storage.close();
  });

  test("a database that another process keeps locked is unavailable, not broken", async () => {
    const path = temporary();
    const storage = await openThreadStorage(path, { ...defaultThreadStorageOptions, busyTimeoutMs: 20 });
    const beside = new Database(path);
    beside.run("BEGIN IMMEDIATE");
    expect(await refusalOf(storage.run(advanceWatermarks, advance(1)))).toMatchObject(unavailable);
    expect(await storage.run(getWatermarks, watermark)).toEqual([undefined]);
    beside.run("ROLLBACK");
    beside.close();
    expect(await storage.run(advanceWatermarks, advance(1))).toMatchObject([{ lastAckedSequence: 1 }]);
    await storage.close();
  });
});

describe("the storage thread", () => {
  test("answers like the inline storage, and its commits survive", async () => {
    const path = temporary();
    const storage = await openThreadStorage(path);
    const answers = await Promise.all([
      storage.run(getWatermarks, watermark),
      storage.run(advanceWatermarks, advance(3)),
      storage.run(advanceWatermarks, advance(2)),
      storage.run(getWatermarks, watermark),
    ]);
    expect(answers.map(([state]) => state?.lastAckedSequence)).toEqual([undefined, 3, 3, 3]);
    expect(storage.healthy()).toBe(true);
    await storage.close();
    const again = openInlineStorage(path);
    expect((await again.run(getWatermarks, watermark))[0]?.lastAckedSequence).toBe(3);
    await again.close();
  });

  test("errors cross with code, message, and the cause's text", async () => {
    const storage = await openThreadStorage(temporary());
    const refusal = await refusalOf(storage.run(advanceWatermarks, advance(0)));
    expect(refusal).toBeInstanceOf(TriplaneError);
    expect(refusal).toMatchObject({
      code: "INTERNAL_ERROR",
      message: "Something went wrong on our side",
      cause: { message: expect.stringMatching(/SQLITE_CONSTRAINT_CHECK/) },
    });
    await storage.close();
  });

  test("a command outside the registry is refused before it is sent", async () => {
    const storage = await openThreadStorage(temporary());
    await expect(storage.run(put, { key: "a" })).rejects.toThrow(
      "store command test.put is not in the registry",
    );
    await storage.close();
  });

  test("a thread that dies rejects everything that waits and everything later", async () => {
    const worker = new Worker(new URL("./storage-worker.ts", import.meta.url));
    const storage = await attachStorage(worker, temporary(), defaultThreadStorageOptions);
    const waiting = Array.from({ length: 50 }, (_, number) =>
      storage.run(advanceWatermarks, advance(number + 1)),
    );
    worker.terminate();
    const results = await Promise.allSettled(waiting);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject(unavailable);
    }
    expect(storage.healthy()).toBe(false);
    expect(await refusalOf(storage.run(getWatermarks, watermark))).toMatchObject(unavailable);
    await storage.close();
  });

  test("a thread that throws outside of commands is dead as well", async () => {
    const worker = new Worker(new URL("./storage-worker.ts", import.meta.url));
    const storage = await attachStorage(worker, temporary(), defaultThreadStorageOptions);
    worker.postMessage({ type: "batch", names: ["no.such.command"], inputs: [null] });
    const input = { groupId: "g", positions: [], floors: [] };
    expect(await refusalOf(storage.run(commitPositions, input))).toMatchObject(unavailable);
    expect(storage.healthy()).toBe(false);
    await storage.close();
  });
});

test("two commands of one name are a mistake that no program starts with", () => {
  expect(() => indexCommands([[put, keys], [put]])).toThrow("two store commands are named test.put");
});

test("perDatabase makes a value once per database", () => {
  let made = 0;
  const value = perDatabase(() => {
    made += 1;
    return made;
  });
  const [a, b] = [new Database(":memory:"), new Database(":memory:")];
  expect([value(a), value(b), value(a)]).toEqual([1, 2, 1]);
});
