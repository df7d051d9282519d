/**
 * Goal: a newcomer finds one thing per file, named after it, of a size that fits a head.
 * Method: every tracked or new file of the repository, read as text.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, type SourceFile, sourceFiles } from "./source-files.ts";

/** A test reads from top to bottom and may be longer than what it tests. */
const linesMax = { source: 400, test: 600 };

/** Files above the size, with the reason. */
const longFiles: readonly { readonly path: string; readonly reason: string }[] = [
  {
    path: "src/shared/client/client.ts",
    reason: "the client's composition: every part wired once, every public call a line or two",
  },
  {
    path: "src/shared/client/tab-client.ts",
    reason: "the client's whole surface, passed on to the tab that holds the socket",
  },
  { path: "src/shared/client/outbox.ts", reason: "one state machine; its phases are numbered at the top" },
];

// In pieces, so that this file does not find itself.
const registries = [
  "registry." + "npmjs.org",
  "registry." + "yarnpkg.com",
  "npm.pkg." + "github.com",
  "pypi." + "org",
];

function isLong({ text, isTest }: SourceFile): boolean {
  return text.split("\n").length > (isTest ? linesMax.test : linesMax.source);
}

function repositoryFiles(): readonly string[] {
  const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  if (listed.exitCode !== 0) return [...new Bun.Glob("{src,tests,scripts,proto,bench}/**/*").scanSync(root)];
  return listed.stdout
    .toString()
    .split("\n")
    .filter(
      (path) => path !== "" && statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true,
    );
}

describe("the repository", () => {
  const all = repositoryFiles();
  const sources = [...sourceFiles("src"), ...sourceFiles("tests"), ...sourceFiles("scripts")];

  test("names no registry's host, least of all in the lock", () => {
    expect(all).toContain("package-lock.json");
    const found = all.filter((path) => {
      const text = readFileSync(join(root, path), "latin1");
      return registries.some((host) => text.includes(host));
    });
    expect(found).toEqual([]);
  });

  test("pins every dependency exactly", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)),
    );
    expect(loose).toEqual([]);
  });

  test("has no long source file without a reason", () => {
    const long = sources
      .filter((file) => isLong(file) && !longFiles.some(({ path }) => path === file.path))
      .map(({ path, text }) => `${path}: ${text.split("\n").length} lines`);
    expect(long).toEqual([]);
  });

  test("has no reason for a file that is short by now", () => {
    const idle = longFiles.filter(({ path }) => !sources.some((file) => file.path === path && isLong(file)));
    expect(idle).toEqual([]);
  });

  test("names files in kebab-case, and none by what everything is", () => {
    const odd = sources
      .map(({ path }) => path)
      .filter((path) => {
        const name = path.split("/").at(-1) ?? "";
        return (
          !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.tsx?$/.test(name) ||
          /^(utils?|helpers?|common|misc|index)\./.test(name)
        );
      });
    expect(odd).toEqual([]);
  });

  test("has no default exports and no files that only re-export, but for the entries of its two packages", () => {
    const bad = sources.filter(({ code }) => {
      const statements = code.split("\n").filter((line) => /^\S/.test(line) && !/^[}\])]/.test(line));
      const isBarrel =
        statements.length > 0 && statements.every((line) => /^export (\*|\{|type \{)/.test(line));
      return /^export default\b/m.test(code) || isBarrel;
    });
    // A package has one entry; inside the repository everybody imports the file they mean.
    const entries = ["src/shared/client/package.ts", "src/shared/protocol/package.ts"];
    expect(bad.map(({ path }) => path).filter((path) => !entries.includes(path))).toEqual([]);
  });

  test("writes to the console nowhere in src", () => {
    const found = sources
      .filter(
        ({ path, isTest, code }) =>
          path.startsWith("src/") &&
          !path.startsWith("src/shared/web/") &&
          !isTest &&
          /\bconsole\./.test(code),
      )
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test("reads the environment in composition roots alone", () => {
    const roots = /^src\/(standalone|[a-z]+\/main)\.ts$|^src\/cli\//;
    const found = sources
      .filter(
        ({ path, isTest, code }) =>
          path.startsWith("src/") &&
          !isTest &&
          !roots.test(path) &&
          /(?<!["'])\b(process|Bun)\.env\b/.test(code),
      )
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test("imports with the file's extension", () => {
    const found = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target !== undefined && !/\.[a-z0-9]+$/.test(target))
        .map(({ specifier }) => `${path} imports ${specifier}`),
    );
    expect(found).toEqual([]);
  });

  test("works in a directory with spaces: a file URL becomes a path by Bun.fileURLToPath", () => {
    const found = sources
      .filter(({ code }) => /import\.meta\.url\)\.pathname/.test(code))
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test("switches off neither types nor lint in silence", () => {
    const found = sources.flatMap(({ path, text }) =>
      text
        .split("\n")
        .filter(
          (line) =>
            /@ts-(ignore|nocheck)|biome-ignore(-all)?\b(?!.*: \S)/.test(line) &&
            !line.includes("@ts-(ignore"),
        )
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(found).toEqual([]);
  });
});
