/**
 * Reads `--name value` and `--name=value`. Knows nothing of settings: who takes which flags says so.
 */

export interface ParsedFlags {
  /** Name without dashes -> value. A flag given twice keeps the last value. */
  readonly flags: ReadonlyMap<string, string>;
  /** What is no flag, in order. */
  readonly rest: readonly string[];
  /** One sentence per thing that cannot be read. */
  readonly problems: readonly string[];
}

/** @param known the flags that take a value; `switches` those that take none and read as `true`. */
export function parseFlags(
  argv: readonly string[],
  known: readonly string[],
  switches: readonly string[] = [],
): ParsedFlags {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  const problems: string[] = [];
  const offered = [...known, ...switches].map((name) => `--${name}`).join(", ") || "none";
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("--")) {
      rest.push(argument);
      continue;
    }
    const equals = argument.indexOf("=");
    const name = argument.slice(2, equals === -1 ? undefined : equals);
    if (switches.includes(name) && equals === -1) {
      flags.set(name, "true");
    } else if (!known.includes(name)) {
      problems.push(`--${name} is not known; the flags are ${offered}`);
    } else if (equals !== -1) {
      flags.set(name, argument.slice(equals + 1));
    } else {
      const value = argv[index + 1];
      if (value === undefined || value.startsWith("--")) problems.push(`--${name} needs a value`);
      else {
        flags.set(name, value);
        index += 1;
      }
    }
  }
  return { flags, rest, problems };
}
