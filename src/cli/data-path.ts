/** Where a tool finds the server's data: `--data`, then `DATA_DIR`, then `./data`. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { databaseFileName } from "../shared/stores/sqlite/data-directory.ts";
import { CliError, type CliFlag, type CliInvocation } from "./cli-command.ts";

export const dataFlag: CliFlag = {
  name: "data",
  value: "DIRECTORY",
  description: "data directory of the server; default $DATA_DIR or ./data",
};

/** Absolute. The directory need not exist. */
export function dataDirectoryOf({ flags, io }: CliInvocation): string {
  return resolve(flags.get("data") ?? (io.env["DATA_DIR"] || "./data"));
}

/** Path of the database that is there. @throws {CliError} there is none */
export function existingDatabase(invocation: CliInvocation): string {
  const directory = dataDirectoryOf(invocation);
  const path = join(directory, databaseFileName);
  if (!existsSync(path)) {
    throw new CliError(
      `${directory} holds no database (${databaseFileName}): name the server's directory with --data`,
    );
  }
  return path;
}
