/** A directory of its own for one test file; removed at the end. */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @returns a function that makes paths inside it, a new one on every call without a name */
export function temporaryDirectory(): (name?: string) => string {
  const directory = mkdtempSync(join(tmpdir(), "triplane-"));
  let count = 0;
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (name) => {
    count += 1;
    return join(directory, name ?? `file-${count}`);
  };
}
