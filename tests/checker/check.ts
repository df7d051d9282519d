/**
 * Judges a recorded history: `bun tests/checker/check.ts HISTORY.jsonl STORE.json`
 * Exit 0 without violations, 1 with some, 2 when the input cannot be read.
 */
import { checkHistory } from "./check-history.ts";
import { defaultCheckOptions } from "./check-options.ts";
import type { FinalStore } from "./final-store.ts";
import { readHistory } from "./history-file.ts";
import { renderReport } from "./report.ts";

async function check(historyPath: string, storePath: string): Promise<number> {
  const events = await Array.fromAsync(readHistory(historyPath));
  const store = (await Bun.file(storePath).json()) as FinalStore;
  const result = checkHistory(events, store, defaultCheckOptions);
  console.log(renderReport(result));
  return result.violationCounts.size === 0 ? 0 : 1;
}

if (import.meta.main) {
  const [historyPath, storePath] = Bun.argv.slice(2);
  if (historyPath === undefined || storePath === undefined) {
    console.error("usage: bun tests/checker/check.ts HISTORY.jsonl STORE.json");
    process.exit(2);
  }
  process.exitCode = await check(historyPath, storePath).catch((cause: unknown) => {
    console.error(cause instanceof Error ? cause.message : cause);
    return 2;
  });
}
