/** Goal: embedded revocations keep the port's promises, with a mirror that fits and with one that overflows. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalOf } from "./conformance-refusal.ts";
import { revocationConformance } from "./revocation.conformance.ts";
import { createSqliteRevocation } from "./revocation.sqlite.ts";
import { openInlineStorage } from "./sqlite/inline-storage.ts";
import { listRevoked } from "./sqlite/revocation-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

for (const mirroredMax of [1000, 2]) {
  revocationConformance(`SQLite, ${mirroredMax} tokens mirrored,`, async () => {
    const storage = openInlineStorage(":memory:");
    return {
      store: createSqliteRevocation(storage, { mirroredMax }),
      reopen: async () => createSqliteRevocation(storage, { mirroredMax }),
      close: () => storage.close(),
    };
  });
}

/** The same storage, counting what runs through it. */
function counted(storage: Storage): { readonly storage: Storage; readonly commands: string[] } {
  const commands: string[] = [];
  const spy: Storage = {
    run: (command, input) => {
      commands.push(command.name);
      return storage.run(command, input);
    },
    healthy: () => storage.healthy(),
    close: () => storage.close(),
  };
  return { storage: spy, commands };
}

describe("the mirror", () => {
  const tokens = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ jti: `jti${index}`, expiresAtMs: 1000 + index }));

  test("answers without the database once it is loaded", async () => {
    const { storage, commands } = counted(openInlineStorage(":memory:"));
    const store = createSqliteRevocation(storage, { mirroredMax: 10 });
    await store.revoke(tokens(3));
    commands.length = 0;
    expect(await store.areRevoked(["jti0", "other"])).toEqual([true, false]);
    expect(commands).toEqual([]);
    await storage.close();
  });

  test("is given up when it would grow beyond its bound, and comes back after an expiry run", async () => {
    const { storage, commands } = counted(openInlineStorage(":memory:"));
    const store = createSqliteRevocation(storage, { mirroredMax: 3 });
    await store.revoke(tokens(5));
    commands.length = 0;
    expect(await store.areRevoked(["jti4", "other"])).toEqual([true, false]);
    expect(commands).toEqual(["revocation.find"]);
    expect(await store.expire(1003, 10)).toBe(3);
    expect(await store.areRevoked(["jti0", "jti4"])).toEqual([false, true]);
    commands.length = 0;
    expect(await store.areRevoked(["jti3", "jti4"])).toEqual([true, true]);
    expect(commands).toEqual([]);
    await storage.close();
  });

  test("a load that failed is tried again, and until then nobody is let through", async () => {
    const storage = openInlineStorage(":memory:");
    let failing = true;
    const flaky: Storage = {
      run: (command, input) =>
        failing && command.name === listRevoked.name
          ? Promise.reject(new Error("the disk is gone"))
          : storage.run(command, input),
      healthy: () => true,
      close: () => storage.close(),
    };
    const store = createSqliteRevocation(flaky, { mirroredMax: 10 });
    expect(await refusalOf(store.areRevoked(["a"]))).toMatchObject({ message: "the disk is gone" });
    failing = false;
    expect(await store.areRevoked(["a"])).toEqual([false]);
    await storage.close();
  });
});

test("a revocation that was answered survives kill -9", async () => {
  const directory = mkdtempSync(join(tmpdir(), "revocation-"));
  const path = join(directory, "store.sqlite");
  const here = (name: string): string => JSON.stringify(Bun.fileURLToPath(new URL(name, import.meta.url)));
  const script = `
    import { createSqliteRevocation } from ${here("./revocation.sqlite.ts")};
    import { openThreadStorage } from ${here("./sqlite/thread-storage.ts")};
    const store = createSqliteRevocation(await openThreadStorage(${JSON.stringify(path)}), { mirroredMax: 10 });
    await store.revoke([{ jti: "stolen", expiresAtMs: 9e12 }]);
    process.kill(process.pid, "SIGKILL");`;
  try {
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "inherit" });
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
    const storage = openInlineStorage(path);
    const store = createSqliteRevocation(storage, { mirroredMax: 10 });
    expect(await store.areRevoked(["stolen", "other"])).toEqual([true, false]);
    await storage.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
