/** Goal: a backup of a busy database is whole, a restore swaps it in or changes nothing. Method: real files, a writing process. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chatIdOf, readAll } from "../message-store.harness.ts";
import { SqliteMessageStore } from "../message-store.sqlite.ts";
import { backupDatabase, restoreDatabase } from "./backup.ts";
import { openDataDirectory } from "./data-directory.ts";
import { openInlineStorage } from "./inline-storage.ts";
import { LogTail } from "./log-tail.ts";
import { defaultDatabaseOptions, openDatabase } from "./open-database.ts";
import { schemaVersion } from "./schema.ts";
import { temporaryDirectory } from "./temporary-directory.fixture.ts";

const temporary = temporaryDirectory();
const nowMs = Date.parse("2026-01-31T10:00:00.000Z");

/** A data directory whose database holds one revoked token of this name. */
function directoryWith(jti: string): string {
  const path = temporary();
  const directory = openDataDirectory(path);
  const db = openDatabase(directory.databasePath, defaultDatabaseOptions);
  db.query("INSERT INTO revoked_tokens VALUES (?, 1)").run(jti);
  db.close();
  directory.close();
  return path;
}
const databaseIn = (directory: string): string => join(directory, "triplane.sqlite");
function tokensIn(directory: string): string[] {
  const db = openDatabase(databaseIn(directory), defaultDatabaseOptions);
  const rows = db.query<{ jti: string }, []>("SELECT jti FROM revoked_tokens").all();
  db.close();
  return rows.map((row) => row.jti);
}

async function startWriter(directory: string) {
  const script = Bun.fileURLToPath(new URL("./backup.writer.fixture.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, script, directory], { stdout: "pipe", stderr: "inherit" });
  let acknowledged = 0;
  let wake = (): void => {};
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      acknowledged = Math.max(acknowledged, ...lines.map(Number));
      wake();
    }
  })();
  return {
    acknowledged: () => acknowledged,
    async until(count: number) {
      while (acknowledged < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
    },
  };
}

async function messagesIn(databasePath: string): Promise<{ count: number; counter: number | undefined }> {
  const storage = openInlineStorage(databasePath);
  const store = new SqliteMessageStore(storage, new LogTail({ recordsMax: 1, producerId: "reader" }));
  const messages = await readAll(store, chatIdOf("busy"), 500);
  const [counter] = await store.counters([chatIdOf("busy")]);
  expect(messages.map((message) => message.sequence)).toEqual(messages.map((_, index) => index + 1));
  await storage.close();
  return { count: messages.length, counter: counter?.sequence };
}

test("a backup while another process writes is consistent and holds everything acknowledged before it", async () => {
  const directory = temporary();
  const writer = await startWriter(directory);
  await writer.until(50);
  const acknowledged = writer.acknowledged();
  const file = temporary("busy.backup");
  backupDatabase(databaseIn(directory), file);
  await writer.until(acknowledged + 20);
  await writer.kill();
  const { count, counter } = await messagesIn(file);
  expect(count).toBeGreaterThanOrEqual(acknowledged);
  expect(counter).toBe(count);
});

test("S-19: what was acknowledged before kill -9 is there after it, dense", async () => {
  const directory = temporary();
  const writer = await startWriter(directory);
  await writer.until(100);
  await writer.kill();
  const { count, counter } = await messagesIn(databaseIn(directory));
  expect(count).toBeGreaterThanOrEqual(writer.acknowledged());
  expect(counter).toBe(count);
});

describe("a backup", () => {
  test("never replaces a file, and leaves nothing half done", () => {
    const directory = directoryWith("a");
    const file = temporary("taken");
    writeFileSync(file, "precious");
    expect(() => backupDatabase(databaseIn(directory), file)).toThrow(`${file} exists: choose another name`);
    expect(readFileSync(file, "utf8")).toBe("precious");
    const into = temporary();
    mkdirSync(into);
    backupDatabase(databaseIn(directory), join(into, "backup"));
    expect(readdirSync(into)).toEqual(["backup"]);
  });

  test("of what is not there or not ours is refused and leaves nothing", () => {
    const into = temporary();
    mkdirSync(into);
    const file = join(into, "backup");
    expect(() => backupDatabase(join(into, "none"), file)).toThrow(`there is no database at ${into}/none`);
    const foreign = temporary();
    new Database(foreign).run("CREATE TABLE theirs (x)");
    expect(() => backupDatabase(foreign, file)).toThrow(/of another program/);
    expect(readdirSync(into)).toEqual([]);
  });
});

describe("a restore", () => {
  test("swaps the backup in and keeps the old database", () => {
    const directory = directoryWith("old");
    const file = temporary("new.backup");
    backupDatabase(databaseIn(directoryWith("new")), file);
    const keptAs = join(directory, "triplane.sqlite.before-restore-2026-01-31T10-00-00.000Z");
    expect(restoreDatabase(file, directory, nowMs)).toEqual({ databasePath: databaseIn(directory), keptAs });
    expect(tokensIn(directory)).toEqual(["new"]);
    expect(existsSync(file)).toBe(true);
    copyFileSync(keptAs, databaseIn(directory));
    expect(tokensIn(directory)).toEqual(["old"]);
  });

  test("of a killed server's directory is not spoiled by the log it left", async () => {
    const directory = temporary();
    const writer = await startWriter(directory);
    await writer.until(30);
    await writer.kill();
    expect(existsSync(`${databaseIn(directory)}-wal`)).toBe(true);
    const file = temporary();
    backupDatabase(databaseIn(directoryWith("new")), file);
    const { keptAs } = restoreDatabase(file, directory, nowMs);
    expect(tokensIn(directory)).toEqual(["new"]);
    expect((await messagesIn(keptAs ?? "")).count).toBeGreaterThanOrEqual(30);
  });

  test("replaces a damaged database too, and keeps it", () => {
    const directory = temporary();
    mkdirSync(directory);
    writeFileSync(databaseIn(directory), "damaged ".repeat(1000));
    const file = temporary();
    backupDatabase(databaseIn(directoryWith("new")), file);
    const { keptAs } = restoreDatabase(file, directory, nowMs);
    expect(tokensIn(directory)).toEqual(["new"]);
    expect(readFileSync(keptAs ?? "", "utf8")).toBe("damaged ".repeat(1000));
  });

  test("into a directory that is not there yet makes it", () => {
    const file = temporary();
    backupDatabase(databaseIn(directoryWith("new")), file);
    const directory = temporary();
    expect(restoreDatabase(file, directory, nowMs).keptAs).toBeUndefined();
    expect(tokensIn(directory)).toEqual(["new"]);
  });

  test("is refused while a server runs on the directory", () => {
    const directory = directoryWith("old");
    const file = temporary();
    backupDatabase(databaseIn(directoryWith("new")), file);
    const server = openDataDirectory(directory);
    expect(() => restoreDatabase(file, directory, nowMs)).toThrow(/is in use by another server/);
    server.close();
    expect(tokensIn(directory)).toEqual(["old"]);
  });

  test("is refused while a tool has the database open", () => {
    const directory = directoryWith("old");
    const file = temporary();
    backupDatabase(databaseIn(directoryWith("new")), file);
    const tool = openDatabase(databaseIn(directory), defaultDatabaseOptions);
    expect(() => restoreDatabase(file, directory, nowMs)).toThrow(/is open in another process/);
    tool.close();
    expect(tokensIn(directory)).toEqual(["old"]);
    expect(readdirSync(directory).sort()).toEqual(["lock.sqlite", "triplane.sqlite"]);
  });

  test.each([
    ["that is missing", () => temporary("nothing"), /there is no backup at/],
    ["that is no database", () => foreign("text ".repeat(1000)), /is not a readable SQLite database/],
    ["that is empty", () => foreign(""), /is empty: it is no backup/],
    ["of a newer program", newer, new RegExp(`has schema version ${schemaVersion + 1}, this program knows`)],
    ["with torn pages", torn, /is damaged|is not a readable/],
  ])("of a file %s is refused and changes nothing", (_, make, line) => {
    const directory = directoryWith("old");
    expect(() => restoreDatabase(make(), directory, nowMs)).toThrow(line);
    expect(tokensIn(directory)).toEqual(["old"]);
  });
});

function foreign(content: string): string {
  const path = temporary();
  writeFileSync(path, content);
  return path;
}

function newer(): string {
  const path = temporary();
  const db = openDatabase(path, defaultDatabaseOptions);
  db.run(`PRAGMA user_version = ${schemaVersion + 1}`);
  db.close();
  return path;
}

function torn(): string {
  const file = temporary();
  backupDatabase(databaseIn(directoryWith("new")), file);
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 4096, 12_288);
  writeFileSync(file, bytes);
  return file;
}
