/**
 * What one thread of bare `bun:sqlite` commits per second, without sockets or any service: the ceiling that the
 * disk and SQLite set on this machine, in batches of 100, synchronous=FULL.
 */
import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function measureBareStore(measureMs: number): number {
  const directory = mkdtempSync(join(tmpdir(), "triplane-bare-"));
  const db = new Database(join(directory, "bare.sqlite"), { create: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run(
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, chat INTEGER, sequence INTEGER, client_id TEXT, content TEXT, UNIQUE (chat, sequence), UNIQUE (chat, client_id))",
  );
  const insert = db.query("INSERT INTO messages (chat, sequence, client_id, content) VALUES (?, ?, ?, ?)");
  const content = "x".repeat(100);
  let count = 0;
  const from = performance.now();
  while (performance.now() - from < measureMs) {
    db.run("BEGIN");
    for (let index = 0; index < 100; index++) {
      insert.run(index, Math.floor(count / 100), crypto.randomUUID(), content);
      count++;
    }
    db.run("COMMIT");
  }
  const perSecond = (count / (performance.now() - from)) * 1000;
  db.close();
  rmSync(directory, { recursive: true, force: true });
  return perSecond;
}
