/**
 * Goal: the gate in front of the contract really closes: a change that would break a running client is seen.
 * Method: a copy of proto/ is edited and compared with the original by the very tool that the test command runs.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./source-files.ts";

const buf = join(root, "node_modules/.bin/buf");
const original = join(root, "proto");
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "triplane-buf-"));
  cpSync(original, copy, { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

function edit(file: string, change: (text: string) => string): void {
  const path = join(copy, file);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(path, after);
}

function run(...args: readonly string[]): { readonly code: number; readonly output: string } {
  const done = Bun.spawnSync([process.execPath, buf, ...args], {
    cwd: copy,
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  return { code: done.exitCode, output: `${done.stdout}${done.stderr}` };
}

const breaking = () => run("breaking", "--against", original);

describe("the contract's gate", () => {
  test("lets the contract itself pass", () => {
    expect(breaking()).toEqual({ code: 0, output: "" });
    expect(run("lint").code).toBe(0);
  });

  test("lets a new field pass", () => {
    edit("messaging/v1/ingest.proto", (text) =>
      text.replace(/(message \w+ \{\n)/, "$1  string added_for_test = 9001;\n"),
    );
    expect(breaking()).toEqual({ code: 0, output: "" });
  });

  test("stops a renumbered field", () => {
    edit("messaging/v1/ingest.proto", (text) => text.replace(/(^ {2}string \w+ = )\d+/m, "$19002"));
    const { code, output } = breaking();
    expect(code).not.toBe(0);
    expect(output).toContain("ingest.proto");
  });

  test("stops a call that is taken away", () => {
    edit("messaging/v1/ingest.proto", (text) => text.replace(/^ {2}rpc \w+\([^;{]*(;|\{[^}]*\})\n/m, ""));
    expect(breaking().code).not.toBe(0);
  });

  test("stops a field of another type", () => {
    edit("messaging/v1/ingest.proto", (text) => text.replace(/^ {2}string (\w+ = \d+)/m, "  bytes $1"));
    expect(breaking().code).not.toBe(0);
  });

  test("its lint sees a name against the rules", () => {
    edit("messaging/v1/ingest.proto", (text) => `${text}\nmessage badly_named {}\n`);
    expect(run("lint").output).toContain("badly_named");
  });
});
