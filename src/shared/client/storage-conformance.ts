/** Goal: every storage keeps the port's promises. Method: one suite, run on each adapter. */
import { describe, expect, test } from "bun:test";
import type { ClientStorage } from "./storage.ts";

export interface StorageUnderTest {
  readonly storage: ClientStorage;
  /** Closes and opens again, as a restart would; undefined where nothing is meant to survive that. */
  readonly reopen: (() => Promise<ClientStorage>) | undefined;
  close(): Promise<void>;
}

const all = { before: undefined, limit: 100, reverse: false } as const;

export function storageConformance(name: string, open: () => Promise<StorageUnderTest>): void {
  const withStorage = (run: (subject: StorageUnderTest) => Promise<void>) => async (): Promise<void> => {
    const subject = await open();
    try {
      await run(subject);
    } finally {
      await subject.close();
    }
  };

  describe(`client storage: ${name}`, () => {
    test(
      "an unknown key has no value, a written one its last",
      withStorage(async ({ storage }) => {
        expect(await storage.get("a")).toBeUndefined();
        await storage.write([{ key: "a", value: "1" }]);
        await storage.write([{ key: "a", value: "2 \u2028 \u00e9 \n" }]);
        expect(await storage.get("a")).toBe("2 \u2028 \u00e9 \n");
      }),
    );

    test(
      "a batch takes effect in its order; undefined deletes",
      withStorage(async ({ storage }) => {
        await storage.write([
          { key: "a", value: "1" },
          { key: "b", value: "1" },
          { key: "a", value: undefined },
        ]);
        expect(await storage.get("a")).toBeUndefined();
        expect(await storage.get("b")).toBe("1");
        await storage.write([]);
      }),
    );

    test(
      "lists a prefix in key order, from either end, below a bound, limited",
      withStorage(async ({ storage }) => {
        await storage.write(["p/3", "p/1", "q/1", "p/2", "o/9"].map((key) => ({ key, value: key })));
        const keys = async (range: Parameters<ClientStorage["list"]>[1]): Promise<string[]> =>
          (await storage.list("p/", range)).map((entry) => entry.key);
        expect(await keys(all)).toEqual(["p/1", "p/2", "p/3"]);
        expect(await keys({ ...all, reverse: true, limit: 2 })).toEqual(["p/3", "p/2"]);
        expect(await keys({ before: "p/3", limit: 1, reverse: true })).toEqual(["p/2"]);
        expect(await keys({ ...all, before: "p/1" })).toEqual([]);
        expect(await keys({ ...all, limit: 0 })).toEqual([]);
      }),
    );

    test(
      "writes that overlap take effect in the order of the calls",
      withStorage(async ({ storage }) => {
        const writes = Array.from({ length: 50 }, (_, index) =>
          storage.write([{ key: "last", value: String(index) }]),
        );
        await Promise.all(writes);
        expect(await storage.get("last")).toBe("49");
      }),
    );

    test(
      "what was written survives a restart, also after many rewrites",
      withStorage(async ({ storage, reopen }) => {
        if (reopen === undefined) return;
        for (let round = 0; round < 1300; round++) {
          await storage.write([
            { key: `k/${round % 7}`, value: String(round) },
            { key: "gone", value: round % 2 === 0 ? "here" : undefined },
          ]);
        }
        const again = await reopen();
        expect(await again.get("gone")).toBeUndefined();
        expect((await again.list("k/", all)).map((entry) => Number(entry.value)).sort()).toEqual([
          1293, 1294, 1295, 1296, 1297, 1298, 1299,
        ]);
        await again.write([{ key: "k/0", value: "new" }]);
        expect(await again.get("k/0")).toBe("new");
      }),
    );
  });
}
