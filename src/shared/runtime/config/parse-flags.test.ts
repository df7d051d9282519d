import { describe, expect, test } from "bun:test";
import { parseFlags } from "./parse-flags.ts";

describe("parseFlags", () => {
  test.each([
    ["a value after a space", ["--port", "1"], { port: "1" }],
    ["a value after an equals sign", ["--port=1"], { port: "1" }],
    ["an equals sign inside the value", ["--port=a=b"], { port: "a=b" }],
    ["the last of two", ["--port", "1", "--port", "2"], { port: "2" }],
    ["a switch", ["--json"], { json: "true" }],
  ])("reads %s", (_name, argv, flags) => {
    const parsed = parseFlags(argv, ["port"], ["json"]);
    expect(Object.fromEntries(parsed.flags)).toEqual(flags as Record<string, string>);
    expect(parsed.problems).toEqual([]);
  });

  test.each([
    ["a flag without its value", ["--port"], "--port needs a value"],
    ["a flag where the value should be", ["--port", "--json"], "--port needs a value"],
    ["a flag that nobody knows", ["--colour"], "--colour is not known; the flags are --port, --json"],
  ])("tells of %s", (_name, argv, problem) => {
    expect(parseFlags(argv, ["port"], ["json"]).problems).toContain(problem);
  });

  test("keeps the rest in order", () => {
    expect(parseFlags(["a", "--port", "1", "b"], ["port"]).rest).toEqual(["a", "b"]);
  });
});
