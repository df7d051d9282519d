/** Reads a whole number from a flag. */
import { CliError, type CliInvocation } from "./cli-command.ts";

export interface NumberRange {
  /** Undefined: the flag is required. */
  readonly byDefault: number | undefined;
  readonly min: number;
  readonly max: number;
}

/** @throws {CliError} missing, no integer, or out of range: with the value and the bounds */
export function numberFlag(invocation: CliInvocation, name: string, range: NumberRange): number {
  const raw = invocation.flags.get(name);
  if (raw === undefined) {
    if (range.byDefault !== undefined) return range.byDefault;
    throw new CliError(`--${name} is missing, it needs an integer from ${range.min} to ${range.max}`, 2);
  }
  const value = /^\d{1,15}$/.test(raw) ? Number(raw) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  throw new CliError(
    `--${name} is ${JSON.stringify(raw)}, must be an integer from ${range.min} to ${range.max}`,
    2,
  );
}
