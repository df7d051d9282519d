/**
 * Everything that must hold before a change goes in, in the order of its price: the contract's gates, types,
 * lint, then the tests from unit to kill. The last line is `N passed, N failed`, over all of them.
 *
 * `--breaking` compares the contract with its past alone; `--gates` runs all the gates; `--fast` adds the tests
 * that need neither processes nor a browser; `--full` runs everything with many more seeds and rounds; any
 * paths run `bun test` on those.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const tools = join(root, "node_modules/.bin");
const isCi = process.env["CI"] === "true";

/** Directories of tests/ that start processes, sockets or a browser. Their tests may take longer. */
const slowDirectories = ["browser", "end-to-end", "integration", "kill", "pages", "rest", "set-up"];
const timeouts = { fastMs: 30_000, slowMs: 180_000, fullMs: 3_600_000 };

const fullSettings = {
  TRIPLANE_KILL_ROUNDS: "200",
  TRIPLANE_SIMULATION_SEEDS: "500",
  TRIPLANE_FUZZ_RUNS: "20000",
};

let passed = 0;
let failed = 0;

const [mode = ""] = process.argv.slice(2);
if (mode !== "" && !mode.startsWith("--")) {
  await runTests("chosen tests", process.argv.slice(2), timeouts.slowMs);
} else if (!["", "--gates", "--fast", "--full", "--breaking"].includes(mode)) {
  say(`${mode} is not known: use --breaking, --gates, --fast, --full or paths`);
  process.exit(2);
} else if (mode === "--breaking") {
  await breakingGate();
} else {
  await runGates();
  const isFull = mode === "--full";
  if (mode !== "--gates") {
    await runTests("unit, conformance, architecture, simulation", testPaths("fast"), timeouts.fastMs, isFull);
  }
  if (mode === "" || isFull) {
    if (process.env["TRIPLANE_CHROMIUM"] === "")
      skipOutsideCi("page tests", "no Chromium on this machine, and none could be installed");
    await runTests("integration, end-to-end, pages, kill", testPaths("slow"), timeouts.slowMs, isFull);
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

async function runGates(): Promise<void> {
  await gate("buf lint", [`${tools}/buf`, "lint"], "proto");
  await gate("buf format", [`${tools}/buf`, "format", "-d", "--exit-code", "--path", "messaging"], "proto");
  await breakingGate();
  await gate("generated code", ["sh", "scripts/gen.sh"]);
  await gate("types", [`${tools}/tsc`, "-p", "."]);
  await gate("biome", [`${tools}/biome`, "check", "--error-on-warnings"]);
}

/** The contract against what it was: the merge base with main, or on main itself the first parent. */
async function breakingGate(): Promise<void> {
  const name = "buf breaking";
  const base = await breakingBase();
  if (typeof base !== "string") return skip(name, base.reason);
  const before = mkdtempSync(join(tmpdir(), "triplane-proto-"));
  try {
    const archive = join(before, "proto.tar");
    const [packed] = await capture(["git", "archive", "-o", archive, base, "proto"]);
    if (packed !== 0) return skip(name, `${base.slice(0, 9)} has no proto directory`);
    await capture(["tar", "-x", "-f", archive, "-C", before]);
    await gate(
      `${name} against ${base.slice(0, 9)}`,
      [`${tools}/buf`, "breaking", "--against", join(before, "proto")],
      "proto",
    );
  } finally {
    rmSync(before, { recursive: true, force: true });
  }
}

async function breakingBase(): Promise<string | { readonly reason: string }> {
  for (const tool of ["git", "tar"]) {
    if (Bun.which(tool) === null) return { reason: `${tool} is not installed` };
  }
  const [isRepository, top] = await capture(["git", "rev-parse", "--show-prefix"]);
  if (isRepository !== 0 || top !== "") return { reason: "this is no git checkout" };
  const [, head] = await capture(["git", "rev-parse", "HEAD"]);
  for (const main of ["origin/main", "main"]) {
    const [found, base] = await capture(["git", "merge-base", "HEAD", main]);
    if (found === 0 && base !== head) return base;
  }
  const [hasParent, parent] = await capture(["git", "rev-parse", "--verify", "--quiet", "HEAD^1"]);
  return hasParent === 0 ? parent : { reason: "there is no parent commit to compare with" };
}

async function gate(name: string, command: readonly string[], directory = "."): Promise<void> {
  const child = Bun.spawn([...command], { cwd: join(root, directory), stdout: "pipe", stderr: "pipe" });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  say(`${name}: ${code === 0 ? "ok" : "FAILED"}`);
  if (code === 0) return;
  failed += 1;
  process.stderr.write(`${output}${errors}\n`);
}

/** What cannot be checked here is told in one line. */
function skip(name: string, reason: string): void {
  say(`${name}: skipped, ${reason}`);
}

/** What CI must be able to check: there, where nobody reads the line, it is a failure. */
function skipOutsideCi(name: string, reason: string): void {
  skip(name, isCi ? `${reason}: a failure, because CI=true` : reason);
  if (isCi) failed += 1;
}

async function runTests(
  name: string,
  paths: readonly string[],
  timeoutMs: number,
  isFull = false,
): Promise<void> {
  if (paths.length === 0) return say(`${name}: none yet`);
  say(`${name}:`);
  const child = Bun.spawn(
    [
      process.execPath,
      "test",
      "--only-failures",
      `--timeout=${isFull ? timeouts.fullMs : timeoutMs}`,
      ...paths,
    ],
    {
      cwd: root,
      env: { ...process.env, ...(isFull ? fullSettings : {}) },
      stdout: "inherit",
      stderr: "pipe",
    },
  );
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stderr) {
    process.stderr.write(chunk);
    text = (text + decoder.decode(chunk, { stream: true })).slice(-4096);
  }
  const code = await child.exited;
  const broken = count(text, "fail") + count(text, "error");
  passed += count(text, "pass");
  failed += code === 0 ? broken : Math.max(1, broken);
}

/** The number in a line of bun's summary: ` 12 pass`, ` 1 error`. The summary is the end of the text. */
function count(text: string, word: string): number {
  const lines = [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}s?$`, "gm"))];
  return Number(lines.at(-1)?.[1] ?? 0);
}

function testPaths(speed: "fast" | "slow"): string[] {
  const directories = readdirSync(join(root, "tests"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  const chosen = directories
    .map((entry) => entry.name)
    .filter((name) => slowDirectories.includes(name) === (speed === "slow"));
  const paths = [...(speed === "fast" ? ["src"] : []), ...chosen.map((name) => `tests/${name}`)];
  return paths
    .filter((path) => existsSync(join(root, path)) && hasTests(join(root, path)))
    .map((path) => `./${path}/`);
}

function hasTests(directory: string): boolean {
  return [...new Bun.Glob("**/*.test.{ts,tsx}").scanSync(directory)].length > 0;
}

async function capture(command: readonly string[]): Promise<readonly [code: number, output: string]> {
  const child = Bun.spawn([...command], { cwd: root, stdout: "pipe", stderr: "ignore" });
  const output = await new Response(child.stdout).text();
  return [await child.exited, output.trim()];
}

function say(line: string): void {
  process.stderr.write(`triplane: ${line}\n`);
}
