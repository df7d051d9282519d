import { expect, test } from "bun:test";
import { toYaml } from "./yaml.ts";

const tricky = [
  "",
  " ",
  "a ",
  "null",
  "Null",
  "true",
  "No",
  "y",
  "~",
  "1",
  "1.0",
  "0x1",
  "1e3",
  "-",
  "- a",
  "a: b",
  "a #b",
  "#a",
  "{a}",
  "[a]",
  "*a",
  "&a",
  "!a",
  "|",
  ">",
  "@a",
  "`a",
  "%a",
  "'a'",
  '"a"',
  "a\nb",
  "a\tb",
  "é",
  "😀",
  "\u0000",
  "\u2028",
  "2026-01-31",
  "2026-01-31T10:30:00.000Z",
  "/api/v1/{id}",
  "=",
  "<<",
  "a\\b",
  "---",
  "...",
  "?",
  "a:b",
  "chats,members",
] as const;

test.each(tricky.map((text) => [text]))("the text %j reads back, as value and as key", (text) => {
  expect(Bun.YAML.parse(toYaml({ value: text, [`key${text}`]: 1 }))).toEqual({
    value: text,
    [`key${text}`]: 1,
  });
});

test("structures read back", () => {
  const value = {
    empty: {},
    none: [],
    nested: [[1, [2, { a: [] }]], { a: { b: null }, c: false }, "x", -1.5, 9007199254740991],
    list: [{ first: [1], second: { third: "z" } }],
  };
  expect(Bun.YAML.parse(toYaml(value))).toEqual(value);
});

test("what YAML cannot say is refused", () => {
  expect(() => toYaml({ a: Number.NaN })).toThrow("YAML cannot say NaN");
  expect(() => toYaml({ a: () => 1 })).toThrow("YAML cannot say");
});
