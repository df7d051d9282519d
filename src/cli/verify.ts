/** `triplane verify`: checks the stored data against what the server promises. Changes nothing. */

import { validateBackup } from "../shared/stores/sqlite/backup.ts";
import { checkDatabase } from "../shared/stores/sqlite/check-database.ts";
import type { CliCommand } from "./cli-command.ts";
import { dataFlag, existingDatabase } from "./data-path.ts";

export const verifyCommand: CliCommand = {
  name: "verify",
  summary:
    "checks the database: dense sequences, counters, keys, members; exit code 1 when something is wrong",
  parameters: [],
  flags: [dataFlag, { name: "json", value: undefined, description: "one JSON object a finding" }],
  run(invocation) {
    const { io, flags } = invocation;
    const path = existingDatabase(invocation);
    validateBackup(path);
    const { findings, chats, messages } = checkDatabase(path);
    for (const finding of findings) {
      io.out(flags.has("json") ? JSON.stringify(finding) : `${finding.rule}: ${finding.text}`);
    }
    const verdict = findings.length === 0 ? "nothing wrong" : `${findings.length} finding(s)`;
    io.err(`${verdict} in ${chats} chats with ${messages} messages`);
    return Promise.resolve(findings.length === 0 ? 0 : 1);
  },
};
