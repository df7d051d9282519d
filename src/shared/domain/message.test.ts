/** Goal: what is stored is clean, bounded and stable. Method: tables, and any text at all. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "./limits.ts";
import { sanitizeContent } from "./message.ts";

describe("content", () => {
  test.each([
    ["plain text", "Hello", "Hello"],
    ["newlines and tabs", "a\n\tb", "a\n\tb"],
    ["other control characters go", "a\u0007b\u009fc\rd\u007fe", "abcde"],
    ["a decomposed letter is composed", "e\u0301", "é"],
    ["an emoji of several code points stays", "👨‍👩‍👧‍👦 …", "👨‍👩‍👧‍👦 …"],
    ["blanks alone stay", "   ", "   "],
    ["4,096 bytes", "x".repeat(4096), "x".repeat(4096)],
    ["ten mentions", "@a ".repeat(10), "@a ".repeat(10)],
    ["an at sign that mentions nobody", "@ ".repeat(20), "@ ".repeat(20)],
  ])("%s", (_name, raw, content) => {
    expect(sanitizeContent(raw, undefined)).toEqual({ ok: true, content });
    expect(sanitizeContent(raw, "text/plain")).toEqual({ ok: true, content });
  });

  test.each([
    ["nothing", "", undefined, "INVALID_MESSAGE"],
    ["4,097 bytes", "x".repeat(4097), undefined, "MESSAGE_TOO_LARGE"],
    ["size comes before encoding", `\ud800${"x".repeat(4096)}`, undefined, "MESSAGE_TOO_LARGE"],
    ["a lone surrogate", "a\udc00", undefined, "INVALID_ENCODING"],
    ["encoding comes before NUL", "\u0000\ud800", undefined, "INVALID_ENCODING"],
    ["a NUL", "a\u0000b", undefined, "INVALID_CONTENT"],
    ["NUL comes before the type", "\u0000", "text/html", "INVALID_CONTENT"],
    ["another type", "a", "text/html", "INVALID_CONTENT_TYPE"],
    ["control characters alone", "\u0001\u0002", undefined, "INVALID_CONTENT"],
    ["eleven mentions", "@a ".repeat(11), undefined, "INVALID_CONTENT"],
  ])("%s is refused", (_name, raw, type, code) => {
    expect(sanitizeContent(raw, type)).toMatchObject({ ok: false, code });
  });

  test("a refusal names the value and the bound", () => {
    expect(sanitizeContent("x".repeat(5000), undefined)).toMatchObject({
      message: "content is 5000 bytes, limit 4096",
    });
  });

  test("what comes out of any text goes through unchanged, within the limits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (raw) => {
        const first = sanitizeContent(raw, undefined);
        if (!first.ok) return;
        expect(sanitizeContent(first.content, undefined)).toEqual(first);
        expect(Buffer.byteLength(first.content)).toBeLessThanOrEqual(limits.contentBytesMax);
        expect(first.content.normalize("NFC")).toBe(first.content);
      }),
      { numRuns: 500 },
    );
  });
});
