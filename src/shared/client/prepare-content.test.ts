/** Goal: what is sent is what the server will store. Method: known answers. */
import { expect, test } from "bun:test";
import { SendError } from "./client-errors.ts";
import { prepareContent } from "./prepare-content.ts";

test.each([
  ["plain text", "plain text"],
  ["line\nbreak\ttab", "line\nbreak\ttab"],
  ["bell\u0007 and C1 \u0085", "bell and C1 "],
  ["e\u0301", "\u00e9"],
  ["👨‍👩‍👧‍👦", "👨‍👩‍👧‍👦"],
  ["é".repeat(2048), "é".repeat(2048)],
])("%j becomes %j", (raw, prepared) => {
  expect(prepareContent(raw)).toBe(prepared);
});

test.each([
  ["", "INVALID_MESSAGE"],
  ["a".repeat(4097), "MESSAGE_TOO_LARGE"],
  ["\ud800", "INVALID_ENCODING"],
  ["a\u0000b", "INVALID_CONTENT"],
  ["\u0007\u0008", "INVALID_CONTENT"],
])("%j is refused with %s", (raw, code) => {
  let caught: unknown;
  try {
    prepareContent(raw);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(SendError);
  expect((caught as SendError).code).toBe(code);
});
