/** `triplane seed`: users with sessions and chats for load tests, one JSON object a line. */
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { type SeedOptions, seedUsers } from "../chatmgmt/seed.ts";
import { limits } from "../shared/domain/limits.ts";
import { type CliCommand, CliError, type CliInvocation } from "./cli-command.ts";
import { dataDirectoryOf, dataFlag } from "./data-path.ts";
import { numberFlag } from "./number-flag.ts";
import { type Accounts, openAccounts } from "./open-accounts.ts";
import { tokenTtlFlag, tokenTtlOf } from "./token-ttl.ts";

/** The contracts' life of a session: 30 days. */
const sessionTtlSeconds = 30 * 24 * 3600;

export const seedCommand: CliCommand = {
  name: "seed",
  summary: "makes users with open sessions and groups for load tests; the server may run meanwhile",
  parameters: [],
  flags: [
    { name: "users", value: "N", description: "users to make" },
    { name: "chats", value: "M", description: "groups to make; default 0" },
    { name: "members", value: "K", description: "members of each group; default 2" },
    {
      name: "out",
      value: "FILE",
      description: "receives {user_id, phone_number, device_id, access_token, …} a line",
    },
    tokenTtlFlag,
    dataFlag,
  ],
  async run(invocation) {
    const options = readOptions(invocation);
    const out = invocation.flags.get("out");
    if (out === undefined)
      throw new CliError("--out is missing, it needs the file that receives the users", 2);
    const directory = dataDirectoryOf(invocation);
    await using accounts = await openAccounts(directory);
    await writeUsers(accounts, options, resolve(out));
    invocation.io.err(
      `${options.users} users and ${options.chats} chats are in ${directory}, their tokens in ${resolve(out)}`,
    );
    return 0;
  },
};

function readOptions(invocation: CliInvocation): SeedOptions {
  const users = numberFlag(invocation, "users", { byDefault: undefined, min: 1, max: 1_000_000 });
  const chats = numberFlag(invocation, "chats", { byDefault: 0, min: 0, max: 1_000_000 });
  const members = numberFlag(invocation, "members", { byDefault: 2, min: 2, max: limits.groupMembersMax });
  if (chats > 0 && members > users) {
    throw new CliError(`--members is ${members}, there are only ${users} users (--users)`, 2);
  }
  return { users, chats, members, tokenTtlSeconds: tokenTtlOf(invocation), sessionTtlSeconds };
}

/** Whole or not at all, and readable by the owner alone: it holds tokens. */
async function writeUsers(accounts: Accounts, options: SeedOptions, file: string): Promise<void> {
  const partial = `${file}.partial-${process.pid}`;
  try {
    await pipeline(seededLines(accounts, options), createWriteStream(partial, { mode: 0o600, flags: "wx" }));
    renameSync(partial, file);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

async function* seededLines(accounts: Accounts, options: SeedOptions): AsyncGenerator<string> {
  for await (const user of seedUsers(accounts, options)) yield `${JSON.stringify(user)}\n`;
}
