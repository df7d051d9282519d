/** The package has exactly two entries, and what they offer is usable from outside by its name. */
import { expect, test } from "bun:test";
import packageJson from "../../package.json" with { type: "json" };

test("exports has exactly ./client and ./protocol", () => {
  expect(Object.keys(packageJson.exports)).toEqual(["./client", "./protocol"]);
});

test("a program gets the client, its storages and the protocol by their package names", async () => {
  const client = await import("triplane/client");
  const protocol = await import("triplane/protocol");
  expect(Object.keys(client).sort()).toEqual([
    "ConnectionStoppedError",
    "FileStorage",
    "IndexedDbStorage",
    "LoggedOutError",
    "MemoryStorage",
    "RestError",
    "SendError",
    "TriplaneClient",
    "openSharedClient",
  ]);
  expect(protocol.parseClientFrame('{"type":"heartbeat","payload":{}}').kind).toBe("frame");
});

test("nothing inside the repository imports a package entry", async () => {
  const sources = new Bun.Glob("src/**/*.{ts,tsx}");
  const importers: string[] = [];
  for await (const path of sources.scan({ cwd: `${import.meta.dir}/../..` })) {
    const text = await Bun.file(`${import.meta.dir}/../../${path}`).text();
    if (/from "(\.{1,2}\/)+([a-z/]*)package\.ts"|from "triplane\//.test(text)) importers.push(path);
  }
  expect(importers).toEqual([]);
});
