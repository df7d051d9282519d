/** Goal: ordinary text raises no signal, the two patterns do, exactly beyond their bounds. Method: tables and a naive count. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { contentSignals } from "./content-signals.ts";

const urls = (count: number, url = "https://example.com/a") =>
  Array.from({ length: count }, () => url).join(" ");

test.each([
  ["ordinary text", "see you at 8, bring the documents", []],
  ["five URLs", urls(5), []],
  ["six URLs", urls(6), ["many_urls"]],
  ["six bare host names", urls(6, "www.example.com"), ["many_urls"]],
  ["three URLs whose hosts begin with www", urls(3, "https://www.example.com"), []],
  ["19 of one character", "a".repeat(19), []],
  ["20 of one character", "a".repeat(20), ["one_character"]],
  ["exactly 90 % one character", `${"a".repeat(18)}bc`, []],
  ["more than 90 % one character", `${"a".repeat(19)}b`, ["one_character"]],
  ["characters beyond the basic plane", "😀".repeat(20), ["one_character"]],
  ["ten such characters are ten, not twenty", "😀".repeat(10), []],
  ["nothing but separators", "-".repeat(80), ["one_character"]],
] as const)("%s", (_, content, signals) => {
  expect(contentSignals(content)).toEqual([...signals]);
});

test("one character: the vote agrees with counting every character", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "a", "a", "a", "a", "a", "a", "b", "é", "😀"),
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, (content) => {
      const points = [...content];
      const most = Math.max(0, ...points.map((point) => points.filter((other) => other === point).length));
      const expected = points.length >= 20 && most > points.length * 0.9;
      expect(contentSignals(content).includes("one_character")).toBe(expected);
    }),
    { numRuns: 500 },
  );
});
