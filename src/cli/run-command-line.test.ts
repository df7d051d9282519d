/**
 * Goal: whatever is typed, one clear answer and the right exit code.
 * Method: small commands over a recording output; no process.
 */
import { describe, expect, test } from "bun:test";
import { type CliCommand, CliError } from "./cli-command.ts";
import { numberFlag } from "./number-flag.ts";
import { asksForCommand, runCommandLine } from "./run-command-line.ts";

const greet: CliCommand = {
  name: "greet",
  summary: "greets somebody",
  parameters: ["NAME"],
  flags: [
    { name: "times", value: "N", description: "how often" },
    { name: "loud", value: undefined, description: "in capitals" },
  ],
  run(invocation) {
    const times = numberFlag(invocation, "times", { byDefault: 1, min: 1, max: 3 });
    const text = `hello ${invocation.parameters[0]}`;
    for (let count = 0; count < times; count += 1) {
      invocation.io.out(invocation.flags.has("loud") ? text.toUpperCase() : text);
    }
    return Promise.resolve(0);
  },
};
const refuse: CliCommand = {
  name: "refuse",
  summary: "refuses",
  parameters: [],
  flags: [],
  run: () => Promise.reject(new CliError("the disk is full: free some of it")),
};
const break_: CliCommand = {
  ...refuse,
  name: "break",
  run: () => Promise.reject(new TypeError("x is undefined")),
};

async function type(...argv: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    env: {},
    out: (line: string) => void out.push(line),
    err: (line: string) => void err.push(line),
  };
  const code = await runCommandLine(argv, [greet, refuse, break_], io);
  return { code, out, err };
}

describe("the command line", () => {
  test("runs a command with its parameter, flag and switch", async () => {
    expect(await type("greet", "Ada", "--times", "2", "--loud")).toEqual({
      code: 0,
      out: ["HELLO ADA", "HELLO ADA"],
      err: [],
    });
  });

  test.each([
    [
      "an unknown command",
      ["grete"],
      2,
      'triplane: "grete" is no command; the commands are greet, refuse, break',
    ],
    ["an unknown flag", ["greet", "Ada", "--tmies=2"], 2, "--tmies is not known"],
    ["a parameter too few", ["greet"], 2, 'needs NAME, was given ""'],
    ["a parameter too many", ["refuse", "now"], 2, 'needs no parameter, was given "now"'],
    [
      "a number out of range",
      ["greet", "Ada", "--times", "4"],
      2,
      '--times is "4", must be an integer from 1 to 3',
    ],
    ["a refusal", ["refuse"], 1, "triplane refuse: the disk is full: free some of it"],
    ["a bug", ["break"], 1, "triplane break: x is undefined"],
  ])("answers %s", async (_name, argv, code, sentence) => {
    const answer = await type(...argv);
    expect([answer.code, answer.out]).toEqual([code, []]);
    expect(answer.err[0]).toContain(sentence);
  });

  test("shows the usage with a wrong command line only", async () => {
    expect((await type("greet")).err).toContain("usage: triplane greet NAME [--times N] [--loud]");
    expect((await type("refuse")).err).toHaveLength(1);
  });

  test.each([["help"], ["--help"], ["-h"]])("%s lists every command", async (word) => {
    const { code, out } = await type(word);
    expect(code).toBe(0);
    for (const name of ["greet", "refuse", "break"]) expect(out.join("\n")).toContain(`  ${name} `);
  });

  test("--help after a command explains it", async () => {
    const { code, out } = await type("greet", "--help");
    expect([code, out[0]]).toEqual([0, "usage: triplane greet NAME [--times N] [--loud]"]);
  });

  test("nothing, or flags only, are the server's own", () => {
    expect([[], ["--port", "1"], ["--data=x"]].map((argv) => asksForCommand(argv))).toEqual([
      false,
      false,
      false,
    ]);
    expect(
      [["help"], ["--help"], ["--version"], ["seed", "--users", "1"]].map((argv) => asksForCommand(argv)),
    ).toEqual([true, true, true, true]);
  });
});
