/** `triplane restore FILE`: puts a backup in place of the database of a stopped server. */
import { systemClock } from "../shared/runtime/system-clock.ts";
import { restoreDatabase } from "../shared/stores/sqlite/backup.ts";
import type { CliCommand } from "./cli-command.ts";
import { dataDirectoryOf, dataFlag } from "./data-path.ts";

export const restoreCommand: CliCommand = {
  name: "restore",
  summary: "puts the backup FILE in place of the database; the server must be stopped, the old one is kept",
  parameters: ["FILE"],
  flags: [dataFlag],
  run(invocation) {
    const [file = ""] = invocation.parameters;
    const { databasePath, keptAs } = restoreDatabase(file, dataDirectoryOf(invocation), systemClock.nowMs());
    invocation.io.out(`restored ${databasePath}`);
    if (keptAs !== undefined) invocation.io.err(`the database that was there is kept as ${keptAs}`);
    return Promise.resolve(0);
  },
};
