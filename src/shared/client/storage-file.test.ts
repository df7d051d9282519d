/** Goal: the file keeps what it promised, whatever a crash left at its end. Method: the suite, and a torn file. */
import { expect, test } from "bun:test";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storageConformance } from "./storage-conformance.ts";
import { FileStorage } from "./storage-file.ts";

storageConformance("file", async () => {
  const directory = await mkdtemp(join(tmpdir(), "client-storage-"));
  let storage = await FileStorage.open(join(directory, "client.jsonl"));
  return {
    storage,
    reopen: async () => {
      await storage.close();
      storage = await FileStorage.open(join(directory, "client.jsonl"));
      return storage;
    },
    close: async () => {
      await storage.close();
      await rm(directory, { recursive: true });
    },
  };
});

test("a line that a crash cut short is left out, and the next write stands by itself", async () => {
  const directory = await mkdtemp(join(tmpdir(), "client-storage-"));
  const path = join(directory, "client.jsonl");
  const before = await FileStorage.open(path);
  await before.write([{ key: "a", value: "é" }]);
  await before.close();
  await appendFile(path, '[["a","torn');
  const after = await FileStorage.open(path);
  expect(await after.get("a")).toBe("é");
  await after.write([{ key: "b", value: "2" }]);
  await after.close();
  const again = await FileStorage.open(path);
  expect([await again.get("a"), await again.get("b")]).toEqual(["é", "2"]);
  await again.close();
  await rm(directory, { recursive: true });
});
