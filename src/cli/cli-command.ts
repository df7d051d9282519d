/** What a subcommand of `triplane` is, and what it is given. */

export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line to stdout: results only. */
  out(line: string): void;
  /** One line to stderr: everything said to a person. */
  err(line: string): void;
}

export interface CliFlag {
  /** Without dashes. */
  readonly name: string;
  /** Placeholder in the usage, `N`; undefined for a switch without a value. */
  readonly value: string | undefined;
  readonly description: string;
}

export interface CliInvocation {
  /** Flag name without dashes -> text; a switch is `true`. */
  readonly flags: ReadonlyMap<string, string>;
  /** What follows the command and is no flag; as many as `parameters` says. */
  readonly parameters: readonly string[];
  readonly io: CliIo;
}

export interface CliCommand {
  /** One word. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Required, in order: `FILE`. */
  readonly parameters: readonly string[];
  readonly flags: readonly CliFlag[];
  /** @returns the exit code. @throws {CliError} refused or failed, with a sentence for a person */
  run(invocation: CliInvocation): Promise<number>;
}

/** One line that says what is wrong with which value, and the way out. */
export class CliError extends Error {
  /** 2 when the command line itself is wrong, 1 for everything else. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}
