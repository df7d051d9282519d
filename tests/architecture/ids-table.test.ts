/**
 * Goal: every promise with an id has a test that names it, or says what it waits for.
 * Method: the table of tests/README.md against the names in the test files.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./source-files.ts";

interface Row {
  readonly id: string;
  /** Undefined: it waits. */
  readonly file: string | undefined;
  /** The test's name, or what it waits for. */
  readonly text: string;
}

const upTo = (last: number, form: (number: string) => string, digits = 2): readonly string[] =>
  Array.from({ length: last }, (_, index) => form(String(index + 1).padStart(digits, "0")));

const promised: readonly string[] = [
  ...upTo(48, (number) => `I-${number}`),
  ...upTo(16, (number) => `G-${number}`),
  ...upTo(19, (number) => `S-${number}`, 1),
  ...upTo(8, (number) => `WS-H-${number}`),
  ...upTo(9, (number) => `WS-M-${number}`),
  ...upTo(5, (number) => `WS-E-${number}`),
  ...upTo(3, (number) => `WS-B-${number}`),
  ...upTo(16, (number) => `AUTH-${number}`),
  ...upTo(5, (number) => `E2E-5.${number}`, 1),
  ...upTo(5, (number) => `CHAOS-6.2.${number}`, 1),
  ...upTo(4, (number) => `CT-CM-${number}`),
];

function readTable(): readonly Row[] {
  const text = readFileSync(join(root, "tests/README.md"), "utf8");
  const [, table = ""] = text.split("## Promises and their tests");
  return table.split("\n").flatMap((line): Row[] => {
    const cells = /^\| (.+?) \| (?:`(.+?)`|waits) \| (.+) \|$/.exec(line);
    if (cells === null) return [];
    return [{ id: cells[1] ?? "", file: cells[2], text: (cells[3] ?? "").replaceAll("\\|", "|") }];
  });
}

/** An id has neither a letter, a digit nor a dash on either side. */
function names(name: string, id: string): boolean {
  const escaped = id.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`).test(name);
}

describe("the table of promises", () => {
  const rows = readTable();
  const isId = ({ id }: Row): boolean => !id.includes(" ") && !id.startsWith("`");

  test("holds every id once", () => {
    const ids = rows.map(({ id }) => id);
    expect(promised.filter((id) => !ids.includes(id))).toEqual([]);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    expect(rows.length).toBeGreaterThan(180);
  });

  test("names tests that are there and carry the id", () => {
    const wrong = rows.flatMap((row) => {
      if (row.file === undefined) return [];
      const path = join(root, row.file);
      if (!existsSync(path)) return [`${row.id}: there is no ${row.file}`];
      if (!readFileSync(path, "utf8").includes(row.text))
        return [`${row.id}: no test in ${row.file} is called ${row.text}`];
      return isId(row) && !names(row.text, row.id) ? [`${row.id} is not in the name ${row.text}`] : [];
    });
    expect(wrong).toEqual([]);
  });

  test("says of the others what they wait for", () => {
    const waiting = rows.filter(({ file }) => file === undefined);
    expect(waiting.filter(({ text }) => text.length < 5)).toEqual([]);
    expect(waiting.length).toBeLessThan(rows.length / 4);
  });
});
