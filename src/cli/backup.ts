/** `triplane backup FILE`: a consistent copy of the database, while the server runs or not. */
import { resolve } from "node:path";
import { backupDatabase } from "../shared/stores/sqlite/backup.ts";
import type { CliCommand } from "./cli-command.ts";
import { dataFlag, existingDatabase } from "./data-path.ts";

export const backupCommand: CliCommand = {
  name: "backup",
  summary: "writes a consistent copy of the database to FILE; the server may run meanwhile",
  parameters: ["FILE"],
  flags: [dataFlag],
  run(invocation) {
    const [file = ""] = invocation.parameters;
    const database = existingDatabase(invocation);
    backupDatabase(database, file);
    invocation.io.out(`backed up ${database} to ${resolve(file)}`);
    invocation.io.err("keys/ beside the database is not in it: copy that directory too, and keep it secret");
    return Promise.resolve(0);
  },
};
