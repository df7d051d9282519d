/** Goal: nothing counts as stored that is not, and nothing overtakes. Method: a storage that holds and fails. */
import { expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { DurableWriter } from "./durable-writer.ts";
import { GatedStorage } from "./gated-storage.ts";
import type { StorageChange } from "./storage.ts";
import { MemoryStorage } from "./storage-memory.ts";

function start() {
  const clock = new VirtualClock();
  const batches: number[] = [];
  class Counting extends MemoryStorage {
    override write(changes: readonly StorageChange[]): Promise<void> {
      batches.push(changes.length);
      return super.write(changes);
    }
  }
  const storage = new GatedStorage(new Counting());
  const failures: unknown[] = [];
  const writer = new DurableWriter(storage, clock, new SeededRandom(1), (cause) => failures.push(cause));
  return { clock, storage, writer, failures, batches };
}

test("what comes during a write goes together in the next", async () => {
  const { clock, writer, batches } = start();
  const written = Array.from({ length: 100 }, (_, index) => writer.put([{ key: `k${index}`, value: "1" }]));
  await clock.advance(0);
  await Promise.all(written);
  expect(batches).toEqual([1, 99]);
});

test("a failed batch is repeated; a newer value of the same key wins", async () => {
  const { clock, storage, writer, failures } = start();
  storage.failNext(2);
  let durable = 0;
  void writer.put([{ key: "a", value: "old" }]).then(() => durable++);
  void writer.put([{ key: "b", value: "kept" }]).then(() => durable++);
  await clock.advance(0);
  void writer.put([{ key: "a", value: "new" }]).then(() => durable++);
  expect(durable).toBe(0);
  await clock.advance(10_000);
  expect([durable, failures.length]).toEqual([3, 2]);
  expect([await storage.get("a"), await storage.get("b")]).toEqual(["new", "kept"]);
});

test("a value that comes while its older one is being refused is not set back", async () => {
  const { clock, storage, writer } = start();
  storage.hold();
  const old = writer.put([{ key: "a", value: "old" }]);
  const next = writer.put([{ key: "a", value: "new" }]);
  storage.failNext(1);
  storage.release();
  await clock.advance(10_000);
  await Promise.all([old, next]);
  expect(await storage.get("a")).toBe("new");
});

test("settled waits for the writes under way, abandon ends them all", async () => {
  const { clock, storage, writer } = start();
  await writer.settled();
  storage.hold();
  const first = writer.put([{ key: "a", value: "1" }]);
  const second = writer.put([{ key: "b", value: "1" }]);
  second.catch(() => undefined);
  let settled = false;
  void writer.settled().then(() => {
    settled = true;
  });
  await clock.advance(0);
  expect(settled).toBe(false);
  writer.abandon();
  storage.release();
  await clock.advance(0);
  expect(settled).toBe(true);
  await expect(second).rejects.toThrow("closed");
  await expect(writer.put([{ key: "c", value: "1" }])).rejects.toThrow("closed");
  // The one that was under way had been handed over already.
  await first;
  expect(clock.pendingTimers).toBe(0);
});

test("a storage that never recovers is given 100,000 changes, no more", async () => {
  const { storage, writer } = start();
  storage.hold();
  const change = (index: number): StorageChange => ({ key: `k${index}`, value: "1" });
  void writer.put([change(-1)]).catch(() => undefined);
  await Promise.resolve();
  void writer.put(Array.from({ length: 100_000 }, (_, index) => change(index))).catch(() => undefined);
  await expect(writer.put([change(100_001)])).rejects.toThrow(
    "100001 changes wait for the storage, limit 100000",
  );
  writer.abandon();
});
