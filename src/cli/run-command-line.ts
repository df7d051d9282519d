/**
 * The `triplane` command line: finds the subcommand, reads its flags, runs it and turns what goes wrong into one
 * line and an exit code. Knows no command by name.
 */
import { parseFlags } from "../shared/runtime/config/parse-flags.ts";
import { type CliCommand, CliError, type CliIo } from "./cli-command.ts";

const helpWords = ["help", "--help", "-h"];

/** False when there is nothing or flags only: then the arguments are the server's own. */
export function asksForCommand(argv: readonly string[]): boolean {
  const [first] = argv;
  if (first === undefined) return false;
  return !first.startsWith("-") || helpWords.includes(first) || first === "--version";
}

/**
 * @param argv the command line without the program's name; its first word names the command
 * @returns the exit code: 0 done, 1 failed, 2 the command line is wrong. Never throws for a command's failure.
 */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly CliCommand[],
  io: CliIo = processIo,
): Promise<number> {
  const [first = "help", ...rest] = argv;
  if (helpWords.includes(first)) {
    for (const line of overview(commands)) io.out(line);
    return 0;
  }
  const name = first === "--version" ? "version" : first;
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const names = commands.map((candidate) => candidate.name).join(", ");
    io.err(`triplane: ${JSON.stringify(name)} is no command; the commands are ${names}`);
    return 2;
  }
  if (rest.some((argument) => argument === "--help" || argument === "-h")) {
    for (const line of usage(command)) io.out(line);
    return 0;
  }
  try {
    return await command.run({ ...readArguments(command, rest), io });
  } catch (error) {
    const isExpected = error instanceof CliError;
    io.err(`triplane ${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (isExpected && error.exitCode === 2) io.err(`usage: ${usageLine(command)}`);
    return isExpected ? error.exitCode : 1;
  }
}

function readArguments(command: CliCommand, rest: readonly string[]) {
  const valued = command.flags.filter(({ value }) => value !== undefined).map(({ name }) => name);
  const switches = command.flags.filter(({ value }) => value === undefined).map(({ name }) => name);
  const { flags, rest: parameters, problems } = parseFlags(rest, valued, switches);
  if (problems.length > 0) throw new CliError(problems.join("; "), 2);
  if (parameters.length !== command.parameters.length) {
    const wanted = command.parameters.length === 0 ? "no parameter" : command.parameters.join(" ");
    throw new CliError(`needs ${wanted}, was given ${JSON.stringify(parameters.join(" "))}`, 2);
  }
  return { flags, parameters };
}

function usageLine(command: CliCommand): string {
  const flags = command.flags.map(({ name, value }) =>
    value === undefined ? `[--${name}]` : `[--${name} ${value}]`,
  );
  return ["triplane", command.name, ...command.parameters, ...flags].join(" ");
}

function usage(command: CliCommand): readonly string[] {
  const rows = command.flags.map(
    ({ name, value, description }) => `  ${`--${name} ${value ?? ""}`.padEnd(24)}${description}`,
  );
  return [`usage: ${usageLine(command)}`, "", command.summary, ...(rows.length === 0 ? [] : ["", ...rows])];
}

function overview(commands: readonly CliCommand[]): readonly string[] {
  return [
    "usage: triplane [--port N] [--host ADDRESS] [--data DIRECTORY]   runs the server",
    "       triplane COMMAND [--help]",
    "",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`),
  ];
}

const processIo: CliIo = {
  env: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
};
