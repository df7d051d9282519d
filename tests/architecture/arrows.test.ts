/**
 * Goal: what depends on what is a decision, not an accident. domain <- protocol <- stores, runtime <- services <-
 * standalone; services never import each other.
 * Method: every import of every file under src, against one table of rooms. A room that the table does not know
 * fails too: say where it belongs.
 */
import { describe, expect, test } from "bun:test";
import { importsOf, type SourceFile, sourceFiles } from "./source-files.ts";

/** Room -> the rooms it may import besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  "shared/gen": [],
  "shared/domain": [],
  "shared/protocol": [],
  "shared/client": ["shared/protocol"],
  "shared/web": ["shared/client", "shared/protocol"],
  "shared/events": ["shared/domain", "shared/protocol"],
  "shared/runtime": ["shared/domain", "shared/protocol"],
  "shared/stores": ["shared/domain", "shared/protocol", "shared/events", "shared/runtime"],
  "shared/auth": ["shared/domain", "shared/protocol", "shared/stores", "shared/runtime"],
  "shared/rpc": [
    "shared/gen",
    "shared/domain",
    "shared/protocol",
    "shared/stores",
    "shared/runtime",
    "shared/auth",
  ],
  "shared/http": [
    "shared/gen",
    "shared/domain",
    "shared/protocol",
    "shared/stores",
    "shared/runtime",
    "shared/auth",
    "shared/rpc",
  ],
};

const everythingShared = Object.keys(arrows);
const services = ["gateway", "ingest", "fanout", "chatmgmt"];
const allArrows: Readonly<Record<string, readonly string[]>> = {
  ...arrows,
  ...Object.fromEntries(services.map((service) => [service, everythingShared])),
  cli: [...everythingShared, "chatmgmt"],
  standalone: [...everythingShared, ...services, "cli"],
};

/** Single files that need one arrow more, with the reason. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly reason: string }[] = [
  {
    from: "src/shared/rpc/guard.ts",
    to: "shared/http",
    reason: "a caller's address is read alike at both edges",
  },
  {
    from: "src/shared/rpc/connect-server.ts",
    to: "shared/http",
    reason: "a caller's address is read alike at both edges",
  },
];

function roomOf(path: string): string {
  const parts = path.replace(/^src\//, "").split("/");
  if (parts[0] === "shared") return `shared/${parts[1]}`;
  return parts.length === 1
    ? (parts[0] ?? "").replace(/\.tsx?$/, "").replace(/^standalone.*/, "standalone")
    : (parts[0] ?? "");
}

function violations(file: Pick<SourceFile, "path" | "imports" | "isTest">): string[] {
  const from = roomOf(file.path);
  const allowed = allArrows[from];
  if (allowed === undefined)
    return [`${file.path}: no room is called ${from}; add it to the table of arrows`];
  return file.imports.flatMap(({ specifier, target }) => {
    if (target === undefined) return [];
    if (file.isTest && !target.startsWith("src/")) return [];
    const to = roomOf(target);
    // The version stands there and nowhere else.
    if (target === "package.json") return [];
    if (!target.startsWith("src/")) return [`${file.path} imports ${specifier}, which is outside src`];
    if (to === from || allowed.includes(to)) return [];
    // Tests may run on the real clock and the seeded randomness, whatever room they test.
    if (file.isTest && (to === "shared/runtime" || to === "shared/gen")) return [];
    if (file.isTest && !services.includes(to)) return [];
    if (exceptions.some((exception) => exception.from === file.path && exception.to === to)) return [];
    return [`${file.path} imports ${specifier}: ${from} may not import ${to}`];
  });
}

describe("arrows between rooms", () => {
  const files = sourceFiles("src");

  test("every import follows the table", () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap(violations)).toEqual([]);
  });

  test("every exception is still needed", () => {
    const idle = exceptions.filter(({ from, to }) => {
      const file = files.find(({ path }) => path === from);
      return !file?.imports.some(({ target }) => target !== undefined && roomOf(target) === to);
    });
    expect(idle).toEqual([]);
  });

  test("the protocol imports nothing at all, not even a library", () => {
    const imports = files
      .filter((file) => file.path.startsWith("src/shared/protocol/") && !file.isTest)
      .flatMap((file) =>
        file.imports.filter(({ target }) => target === undefined || roomOf(target) !== "shared/protocol"),
      );
    expect(imports).toEqual([]);
  });

  test("what ships imports no test", () => {
    const tests = new Set(files.filter((file) => file.isTest).map(({ path }) => path));
    const found = files
      .filter((file) => !file.isTest)
      .flatMap((file) =>
        file.imports
          .filter(({ target }) => target !== undefined && tests.has(target))
          .map(({ specifier }) => `${file.path} imports ${specifier}`),
      );
    expect(found).toEqual([]);
  });

  test("the table is free of circles", () => {
    const visit = (room: string, path: readonly string[]): string[] => {
      if (path.includes(room)) return [[...path, room].join(" -> ")];
      return (allArrows[room] ?? []).flatMap((next) => visit(next, [...path, room]));
    };
    expect(Object.keys(arrows).flatMap((room) => visit(room, []))).toEqual([]);
  });

  test.each([
    [
      "a service that imports another",
      "src/gateway/x.ts",
      'import { a } from "../ingest/ingest.ts";',
      "gateway may not import ingest",
    ],
    [
      "a type import against the arrows",
      "src/shared/domain/x.ts",
      'import type { A } from "../stores/a.ts";',
      "may not import shared/stores",
    ],
    [
      "an import over several lines",
      "src/shared/client/x.ts",
      'import {\n  a,\n  b,\n} from "../domain/ids.ts";',
      "may not import shared/domain",
    ],
    ["a re-export", "src/shared/web/x.ts", 'export { a } from "../rpc/a.ts";', "may not import shared/rpc"],
    [
      "a dynamic import",
      "src/shared/stores/x.ts",
      'await import("../http/a.ts");',
      "may not import shared/http",
    ],
    ["a room that nobody knows", "src/extra/x.ts", 'import "../gateway/a.ts";', "no room is called extra"],
    ["a way out of src", "src/ingest/x.ts", 'import { a } from "../../tests/a.ts";', "outside src"],
  ])("the test itself sees %s", (_name, path, code, sentence) => {
    const found = violations({ path, imports: importsOf(path, code), isTest: false });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(sentence);
  });
});
