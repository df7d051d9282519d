/** Goal: the command line tells clean runs from broken ones by its exit code, and its files survive the way to disk. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FinalStore } from "./final-store.ts";
import { type GeneratedRun, generateHistory } from "./generate-history.ts";
import { HistoryWriter, readHistory } from "./history-file.ts";

let directory: string;
const run = generateHistory(5, { clients: 5, chats: 2, actions: 300 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "checker-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

async function save(name: string, { events, store }: GeneratedRun): Promise<readonly [string, string]> {
  const historyPath = join(directory, `${name}.jsonl`);
  const storePath = join(directory, `${name}.json`);
  const writer = new HistoryWriter(historyPath);
  for (const event of events) writer.write(event);
  await writer.close();
  await Bun.write(storePath, JSON.stringify(store));
  return [historyPath, storePath];
}

async function check(...paths: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const command = [process.execPath, join(import.meta.dir, "check.ts"), ...paths];
  const checker = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([
    new Response(checker.stdout).text(),
    new Response(checker.stderr).text(),
  ]);
  return { exitCode: await checker.exited, output: stdout + stderr };
}

describe("history files", () => {
  test("are read as they were written", async () => {
    const [historyPath] = await save("round-trip", run);
    expect(await Array.fromAsync(readHistory(historyPath))).toEqual([...run.events]);
  });

  test.each([
    ["not json", ":2: not JSON"],
    ["[]", ":2: an event needs kind and atMs"],
    ['{"kind":"settled"}', ":2: an event needs kind and atMs"],
    ['{"kind":"settled","atMs":"1"}', ":2: kind must be a string and atMs a number"],
  ])("a line %p is refused by its number", async (line, message) => {
    const path = join(directory, "broken.jsonl");
    await Bun.write(path, `{"kind":"settled","atMs":1}\n${line}\n`);
    await expect(Array.fromAsync(readHistory(path))).rejects.toThrow(message);
  });
});

describe("the command", () => {
  test("exits 0 on a clean run and says how much it saw", async () => {
    const { exitCode, output } = await check(...(await save("clean", run)));
    expect(output).toContain(`${run.store.messages.length} messages stored\n0 violations`);
    expect(exitCode).toBe(0);
  });

  test("exits 1 on a lost message and names it", async () => {
    const [lost, ...kept] = run.store.messages.toReversed();
    const store: FinalStore = { ...run.store, messages: kept };
    const { exitCode, output } = await check(...(await save("broken", { ...run, store })));
    expect(output).toContain(
      `${lost?.messageId} was acknowledged as ${lost?.chatId}#${lost?.sequence} and is not`,
    );
    expect(exitCode).toBe(1);
  });

  test("exits 2 without its files", async () => {
    expect((await check()).exitCode).toBe(2);
    expect((await check(join(directory, "none"), join(directory, "none"))).exitCode).toBe(2);
  });
});
