/** Goal: what is not ours stays as it is; what is ours comes up to date or is refused. Method: real files. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { defaultDatabaseOptions, migrate, openDatabase, versionOf } from "./open-database.ts";
import { applicationId, schemaVersion } from "./schema.ts";
import { temporaryDirectory } from "./temporary-directory.fixture.ts";

const temporary = temporaryDirectory();
const open = (path: string): Database => openDatabase(path, defaultDatabaseOptions);

function one(db: Database, pragma: string): unknown {
  const row = db.query<Record<string, unknown>, []>(`PRAGMA ${pragma}`).get();
  return row === null ? undefined : Object.values(row)[0];
}

describe("a new file", () => {
  test("gets the newest schema, our mark, and a log that is synced on commit", () => {
    const db = open(temporary());
    expect(one(db, "application_id")).toBe(applicationId);
    expect(one(db, "user_version")).toBe(schemaVersion);
    expect(one(db, "journal_mode")).toBe("wal");
    expect(one(db, "synchronous")).toBe(2);
    expect(one(db, "foreign_keys")).toBe(1);
    db.close();
  });

  test("opens again with what was in it", () => {
    const path = temporary();
    const first = open(path);
    first.run("INSERT INTO revoked_tokens VALUES ('jti', 5)");
    first.close();
    const second = open(path);
    expect(second.query("SELECT * FROM revoked_tokens").all()).toEqual([{ jti: "jti", expires_at_ms: 5 }]);
    second.close();
  });
});

describe("a foreign file", () => {
  test("that is no database is refused and keeps its bytes", () => {
    const path = temporary();
    const text = "Dear diary, this is certainly not a database.\n".repeat(100);
    writeFileSync(path, text);
    expect(() => open(path)).toThrow(
      `${path} is not a readable SQLite database: move it away, or restore a backup over it`,
    );
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test.each([
    ["with its own mark", "PRAGMA application_id = 77"],
    ["with tables and no mark", "CREATE TABLE theirs (x)"],
  ])("%s is refused and keeps its bytes", (_, sql) => {
    const path = temporary();
    const theirs = new Database(path);
    theirs.run(sql);
    theirs.close();
    const before = readFileSync(path);
    expect(() => open(path)).toThrow(
      `${path} is a SQLite database of another program: choose another data directory`,
    );
    expect(readFileSync(path)).toEqual(before);
  });

  test("whose first page is torn is refused", () => {
    const path = temporary();
    open(path).close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 0, 100);
    writeFileSync(path, bytes);
    expect(() => open(path)).toThrow(/is not a readable SQLite database/);
    expect(readFileSync(path)).toEqual(bytes);
  });
});

describe("schema versions", () => {
  const steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO a VALUES (1)", "ALTER TABLE a ADD y"];

  test("missing steps run in order, once", () => {
    const db = new Database(":memory:");
    migrate(db, "test", steps.slice(0, 1));
    expect(versionOf(db)).toBe(1);
    migrate(db, "test", steps);
    migrate(db, "test", steps);
    expect(versionOf(db)).toBe(3);
    expect(db.query("SELECT * FROM a").all()).toEqual([{ x: 1, y: null }]);
  });

  test("a failing step leaves its own version undone, and those before done", () => {
    const db = new Database(":memory:");
    const broken = [steps[0] ?? "", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)"];
    expect(() => migrate(db, "test", broken)).toThrow(/nowhere/);
    expect(versionOf(db)).toBe(1);
    expect(db.query("SELECT name FROM sqlite_schema WHERE name = 'half'").all()).toEqual([]);
  });

  test("a newer file is refused by name and number, and nothing is changed", () => {
    const path = temporary();
    const newer = open(path);
    newer.run(`PRAGMA user_version = ${schemaVersion + 1}`);
    newer.close();
    expect(() => open(path)).toThrow(
      `${path} has schema version ${schemaVersion + 1}, this program knows up to ${schemaVersion}: ` +
        "start the newer program, or restore a backup made by this one",
    );
  });
});
