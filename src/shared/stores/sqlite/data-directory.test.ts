/** Goal: one server per data directory, and one clear line for everything else. Method: real directories and processes. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDataDirectory } from "./data-directory.ts";
import { defaultDatabaseOptions, openDatabase } from "./open-database.ts";
import { temporaryDirectory } from "./temporary-directory.fixture.ts";

const temporary = temporaryDirectory();

/** Starts a process that tries to take the lock. @returns it and its first line */
async function rival(directory: string) {
  const script = Bun.fileURLToPath(new URL("./data-directory.lock.fixture.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, script, directory], { stdin: "pipe", stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  return { child, line: new TextDecoder().decode(value).trim() };
}

describe("a data directory", () => {
  test("is made with its parents, for its owner alone", () => {
    const path = join(temporary(), "deep", "data");
    const directory = openDataDirectory(path);
    expect(directory).toMatchObject({ path, databasePath: join(path, "triplane.sqlite") });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    directory.close();
    expect(readdirSync(path)).toEqual(["lock.sqlite"]);
  });

  test("that exists keeps its mode", () => {
    const path = temporary();
    mkdirSync(path, { mode: 0o755 });
    openDataDirectory(path).close();
    expect(statSync(path).mode & 0o777).toBe(0o755);
  });

  test("is refused to a second server of this process until the first closes", () => {
    const path = temporary();
    const first = openDataDirectory(path);
    expect(() => openDataDirectory(path)).toThrow(
      `data directory ${path} is in use by another server: stop that one, or choose another directory`,
    );
    first.close();
    openDataDirectory(path).close();
  });

  test("is refused to a second process, and free again as soon as its holder is killed", async () => {
    const path = temporary();
    const holder = await rival(path);
    expect(holder.line).toBe("locked");
    expect(() => openDataDirectory(path)).toThrow(/in use by another server/);
    const second = await rival(path);
    expect(second.line).toMatch(/in use by another server/);
    await second.child.exited;
    holder.child.kill("SIGKILL");
    await holder.child.exited;
    const ours = openDataDirectory(path);
    expect((await rival(path)).line).toMatch(/in use by another server/);
    ours.close();
  });

  test("lets tools open the database beside a running server", async () => {
    const path = temporary();
    const { child, line } = await rival(path);
    expect(line).toBe("locked");
    openDatabase(join(path, "triplane.sqlite"), defaultDatabaseOptions).close();
    expect(existsSync(join(path, "triplane.sqlite"))).toBe(true);
    child.kill("SIGKILL");
    await child.exited;
  });

  test("says in one line that a file is in its place", () => {
    const path = temporary();
    writeFileSync(path, "a file");
    const line = `data directory ${path} is not a directory: choose another one, or move the file away`;
    expect(() => openDataDirectory(path)).toThrow(line);
    expect(() => openDataDirectory(join(path, "below"))).toThrow(/is not a directory/);
  });

  test("says in one line that it cannot be written to", () => {
    // The kernel's own file system refuses everybody, root included.
    expect(() => openDataDirectory("/proc/self/triplane")).toThrow(
      /^data directory \/proc\/self\/triplane cannot be (written to|used) \((EACCES|EPERM|ENOENT)\)/,
    );
  });

  test("says in one line that its lock file is unusable", () => {
    const path = temporary();
    mkdirSync(path);
    writeFileSync(
      join(path, "lock.sqlite"),
      "not a database, but long enough to be looked at as one".repeat(20),
    );
    expect(() => openDataDirectory(path)).toThrow(
      /has an unusable lock file lock\.sqlite \(SQLITE_NOTADB\): delete it while no server runs/,
    );
  });
});
