/**
 * Goal: an infrastructure library is known to its adapter and to nobody else, so it can be replaced there.
 * Method: one row per library with the files that may import it; a library without a row fails, so that a new
 * dependency is a decision.
 */
import { describe, expect, test } from "bun:test";
import { sourceFiles } from "./source-files.ts";

const edges = [
  /^src\/shared\/(rpc|http)\//,
  /^src\/[a-z]+\/[a-z-]*rpc\.ts$/,
  /^src\/[a-z]+\/[a-z-]+\.rpc\.ts$/,
  /^src\/[a-z]+\/[a-z]+-deps\.ts$/,
  /^src\/standalone[a-z-]*\.ts$/,
  /^src\/[a-z]+\/(main|[a-z]+)\.ts$/,
];

const rows: readonly {
  readonly library: RegExp;
  readonly onlyIn: readonly RegExp[];
  readonly reason: string;
}[] = [
  {
    library: /^bun:sqlite$/,
    onlyIn: [/^src\/shared\/stores\/sqlite\//, /\.sqlite\.ts$/],
    reason: "the embedded store's adapters",
  },
  {
    library: /^jose$/,
    onlyIn: [/\.jose\.ts$/, /^src\/shared\/auth\/key-[a-z]+\.ts$/],
    reason: "tokens and their keys",
  },
  { library: /^pino$/, onlyIn: [/\.pino\.ts$/], reason: "the logger's adapter" },
  {
    library: /^hono(\/.*)?$/,
    onlyIn: [
      /^src\/shared\/(http|web)\//,
      /^src\/[a-z]+\/(main|routes[a-z-]*|[a-z-]+-app)\.ts$/,
      /^src\/standalone[a-z-]*\.ts$/,
    ],
    reason: "HTTP is an edge",
  },
  {
    library: /^@connectrpc\/connect(\/.*)?$/,
    onlyIn: [...edges, /^src\/chatmgmt\//],
    reason: "RPC is an edge; chatmgmt's use cases are handlers of the service that REST mounts",
  },
  {
    library: /^@bufbuild\/protobuf(\/.*)?$/,
    onlyIn: [
      /^src\/shared\/(rpc|http)\//,
      /^src\/(chatmgmt|ingest|fanout|gateway)\//,
      /^src\/cli\//,
      /^src\/standalone/,
    ],
    reason: "messages of the contract stop at the services: stores and domain have their own types",
  },
  { library: /^ulid$/, onlyIn: [/^src\/shared\/domain\/ids\.ts$/], reason: "ids have one maker" },
  { library: /^preact(\/.*)?$/, onlyIn: [/^src\/shared\/web\//], reason: "pages" },
  { library: /^bun:test$|^fast-check$|^playwright-core$/, onlyIn: [], reason: "tests only" },
  {
    library: /^(node:)?(worker_threads)$/,
    onlyIn: [/^src\/shared\/stores\/sqlite\//],
    reason: "the storage thread is the only thread",
  },
  {
    library: /^node:fs(\/promises)?$/,
    onlyIn: [
      /^src\/shared\/stores\/sqlite\//,
      /^src\/shared\/auth\/key-files\.ts$/,
      /^src\/shared\/runtime\//,
      /^src\/shared\/web\//,
      /^src\/shared\/client\/storage-file\.ts$/,
      /^src\/cli\//,
      /^src\/standalone/,
    ],
    reason: "files are the store's, the keys', the pages' and the tools'",
  },
  {
    library: /^bun$/,
    onlyIn: [/^src\/gateway\//, /^src\/standalone/, /^src\/shared\//, /^src\/cli\//],
    reason: "types of Bun",
  },
  {
    library: /^node:(assert|path|crypto|net|os|url|util|events|process|stream)(\/promises)?$/,
    onlyIn: [/./],
    reason: "plain functions of the runtime; time and randomness are watched elsewhere",
  },
];

describe("infrastructure libraries", () => {
  const files = sourceFiles("src").filter((file) => !file.isTest);

  test("each is imported only where its row says", () => {
    const strays = files.flatMap((file) =>
      file.imports.flatMap(({ specifier, target }) => {
        if (target !== undefined) return [];
        const row = rows.find(({ library }) => library.test(specifier));
        if (row === undefined) return [`${file.path} imports ${specifier}, which has no row in this test`];
        return row.onlyIn.some((place) => place.test(file.path))
          ? []
          : [`${file.path} imports ${specifier}: ${row.reason}`];
      }),
    );
    expect(strays).toEqual([]);
  });

  test("every dependency of the package is imported", async () => {
    const { dependencies } = (await import("../../package.json")) as { dependencies: Record<string, string> };
    const imported = new Set(files.flatMap((file) => file.imports.map(({ specifier }) => specifier)));
    const isUsed = (name: string): boolean =>
      [...imported].some((specifier) => specifier === name || specifier.startsWith(`${name}/`));
    // JSX reaches preact through the compiler's option, without an import of its own.
    const idle = Object.keys(dependencies).filter((name) => name !== "preact" && !isUsed(name));
    expect(idle).toEqual([]);
  });
});
