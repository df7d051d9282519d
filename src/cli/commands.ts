/** Every subcommand of the standalone server. */
import { backupCommand } from "./backup.ts";
import type { CliCommand } from "./cli-command.ts";
import { configCommand } from "./config.ts";
import { healthcheckCommand } from "./healthcheck.ts";
import { keysCommand } from "./keys.ts";
import { repairCommand } from "./repair.ts";
import { restoreCommand } from "./restore.ts";
import { seedCommand } from "./seed.ts";
import { tokenCommand } from "./token.ts";
import { verifyCommand } from "./verify.ts";
import { versionCommand } from "./version.ts";

export const standaloneCommands: readonly CliCommand[] = [
  healthcheckCommand,
  versionCommand,
  configCommand,
  seedCommand,
  tokenCommand,
  backupCommand,
  restoreCommand,
  verifyCommand,
  repairCommand,
  keysCommand,
];
