/**
 * Goal: the whole system runs on a virtual clock with seeded randomness, so every failure repeats from its seed.
 * Method: no file outside a short list reads the clock, sets a timer or draws a random number by itself.
 */
import { describe, expect, test } from "bun:test";
import { sourceFiles } from "./source-files.ts";

const ambient = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bperformance\.now\b/,
  /\bsetTimeout\b/,
  /\bsetInterval\b/,
  /\bsetImmediate\b/,
  /\bMath\.random\b/,
  /\brandomUUID\b/,
  /\brandomBytes\b/,
  /\bgetRandomValues\b/,
  /\bAbortSignal\.timeout\b/,
  /\bBun\.sleep\b/,
  /\bBun\.nanoseconds\b/,
];

/** Who may, and why. */
const allowed: readonly { readonly files: RegExp; readonly reason: string }[] = [
  { files: /^src\/shared\/runtime\/system-(clock|random)\.ts$/, reason: "the adapters of the ports" },
  { files: /^src\/standalone\.ts$|^src\/[a-z]+\/main\.ts$/, reason: "composition roots" },
  { files: /^src\/shared\/web\//, reason: "pages run in a browser, on its clock" },
  {
    files: /^src\/shared\/stores\/sqlite\/(thread|worker)[a-z-]*\.ts$/,
    reason: "the storage thread hands over between turns",
  },
  {
    files: /^src\/shared\/client\/platform\.ts$/,
    reason: "adapters of the client's ports",
  },
  { files: /^src\/cli\//, reason: "tools run once, from a terminal" },
];

describe("time and randomness", () => {
  test("are injected everywhere else", () => {
    const strays = sourceFiles("src")
      .filter((file) => !file.isTest && !allowed.some(({ files }) => files.test(file.path)))
      .flatMap((file) =>
        file.code.split("\n").flatMap((line, index) => {
          // A type may name what it stands for; only a call or a reference to the value counts.
          const code = line.replace(/\btypeof \w+/g, "");
          return ambient.some((form) => form.test(code)) ? [`${file.path}:${index + 1}: ${line.trim()}`] : [];
        }),
      );
    expect(strays).toEqual([]);
  });
});
