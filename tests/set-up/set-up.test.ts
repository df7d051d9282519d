/**
 * Goal: a bare clone becomes a running program with one command, whatever its path, however many start at once.
 * Method: the real scripts in a directory with spaces, a stand-in for npm that installs the pinned Bun by a
 * hard link and counts its calls, and a program that tells its process id in place of the server.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dir, "../..");
const programs = [
  "cat",
  "cksum",
  "dirname",
  "find",
  "id",
  "kill",
  "ln",
  "mkdir",
  "mv",
  "rm",
  "sed",
  "sh",
  "sleep",
  "sort",
  "tail",
  "uname",
  "xargs",
  "cp",
  "diff",
];

let home: string;
let checkout: string;
let bin: string;

beforeEach(() => {
  // Beside the checkout's own files, because hard links do not cross file systems.
  mkdirSync(join(repository, ".triplane"), { recursive: true });
  home = mkdtempSync(join(repository, ".triplane/set up "));
  checkout = join(home, "a clone");
  bin = join(home, "bin");
  mkdirSync(join(checkout, "src/shared"), { recursive: true });
  mkdirSync(bin);
  for (const name of ["scripts", "proto", "package.json", "package-lock.json", ".npmrc", "triplane"]) {
    cpSync(join(repository, name), join(checkout, name), { recursive: true });
  }
  // Generating code is not the matter here, and slow: a stand-in that does as little as it can.
  writeFileSync(
    join(checkout, "scripts/gen.sh"),
    'set -eu\ncd "$(dirname "$0")/.."\n. scripts/tools.sh\nmkdir -p src/shared/gen\nproto_stamp >.triplane/generated\necho made >>generated.log\n',
  );
  writeFileSync(
    join(checkout, "src/standalone.ts"),
    'console.log(JSON.stringify({ pid: process.pid, argv: process.argv.slice(2), cwd: process.cwd() }));\nif (process.argv.includes("--stay")) setInterval(() => undefined, 1000);\n',
  );
  for (const name of programs) {
    const path = Bun.which(name);
    if (path !== null) symlinkSync(path, join(bin, name));
  }
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function addNpm(): void {
  const bun = join(repository, readlinkSync(join(repository, ".triplane/bin/bun")).replace("../../", ""));
  const source = join(home, "bun");
  linkSync(bun, source);
  const script = `#!/bin/sh
echo "$@" >>"${home}/npm.log"
sleep 0.3
mkdir -p node_modules/bun/bin node_modules/typescript
ln "${source}" node_modules/bun/bin/bun.exe
`;
  writeFileSync(join(bin, "npm"), script);
  chmodSync(join(bin, "npm"), 0o755);
}

interface Run {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

async function run(script: string, args: readonly string[] = [], cwd = checkout): Promise<Run> {
  const child = Bun.spawn([join(bin, "sh"), join(checkout, script), ...args], {
    cwd,
    env: { PATH: bin, HOME: home },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output, errors };
}

const installs = (): number => readFileSync(join(home, "npm.log"), "utf8").trim().split("\n").length;

describe("set-up", () => {
  test("without npm and without Bun it says what to install, in one line", async () => {
    const { code, output, errors } = await run("scripts/start.sh");
    expect([code, output]).toEqual([1, ""]);
    expect(errors.trim().split("\n")).toEqual([
      "triplane: neither npm nor bun is installed; install Node.js (it brings npm) or Bun, then run this again",
    ]);
  });

  test("the first start installs and says so, the second says nothing", async () => {
    addNpm();
    const first = await run("scripts/start.sh", ["--port", "0"]);
    expect(first.code).toBe(0);
    expect(first.errors.trim().split("\n")).toEqual([
      "triplane: installing Bun 1.4.5 and the dependencies with npm (once)",
      "triplane: generating code from proto/",
    ]);
    const second = await run("triplane", ["--port", "0"], home);
    expect([second.code, second.errors, installs()]).toEqual([0, "", 1]);
    const told = JSON.parse(second.output);
    expect([told.argv, told.cwd]).toEqual([["--port", "0"], home]);
  });

  test("a changed lock installs again, a changed contract generates again", async () => {
    addNpm();
    await run("scripts/setup.sh");
    writeFileSync(join(checkout, "proto/messaging/v1/extra.proto"), 'syntax = "proto3";\n');
    await run("scripts/setup.sh");
    expect([installs(), readFileSync(join(checkout, "generated.log"), "utf8")]).toEqual([1, "made\nmade\n"]);
    rmSync(join(checkout, "node_modules"), { recursive: true });
    writeFileSync(join(checkout, "package-lock.json"), "{}\n");
    await run("scripts/setup.sh");
    expect(installs()).toBe(2);
  });

  test("starts at the same moment install once", async () => {
    addNpm();
    const runs = await Promise.all([1, 2, 3, 4].map(() => run("scripts/start.sh")));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(installs()).toBe(1);
    expect(existsSync(join(checkout, ".triplane/lock"))).toBe(false);
  });

  test("the lock of a set-up that died is swept aside", async () => {
    addNpm();
    const dead = Bun.spawn(["true"]);
    await dead.exited;
    mkdirSync(join(checkout, ".triplane/lock"), { recursive: true });
    writeFileSync(join(checkout, ".triplane/lock/pid"), `${dead.pid}\n`);
    expect((await run("scripts/setup.sh")).code).toBe(0);
  });

  test("an installation that fails shows why and leaves nothing that looks whole", async () => {
    writeFileSync(join(bin, "npm"), "#!/bin/sh\necho 'network unreachable' >&2\nexit 1\n");
    chmodSync(join(bin, "npm"), 0o755);
    const failing = await run("scripts/start.sh");
    expect(failing.code).toBe(1);
    expect(failing.errors).toContain(
      "network unreachable\ntriplane: the dependencies could not be installed",
    );
    addNpm();
    expect((await run("scripts/start.sh")).code).toBe(0);
  });

  test("the shell gives way to Bun, so a signal reaches the server", async () => {
    addNpm();
    await run("scripts/setup.sh");
    const child = Bun.spawn([join(bin, "sh"), join(checkout, "scripts/start.sh"), "--stay"], {
      env: { PATH: bin },
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await child.stdout.getReader().read();
    expect(JSON.parse(new TextDecoder().decode(value)).pid).toBe(child.pid);
    child.kill("SIGTERM");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
  });
});
