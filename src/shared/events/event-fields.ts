/** Reading untrusted event fields: a value of the right type, or a SchemaViolationError that names the field. */
import { SchemaViolationError } from "./event-errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textField(fields: Fields, name: string): string {
  const value = present(fields, name);
  if (typeof value !== "string") throw wrongType(name, "a string", value);
  return value;
}

export function optionalText(fields: Fields, name: string): string | undefined {
  return fields[name] === undefined ? undefined : textField(fields, name);
}

export function nullableText(fields: Fields, name: string): string | null {
  return fields[name] === null ? null : textField(fields, name);
}

export function textsField(fields: Fields, name: string): readonly string[] {
  const value = present(fields, name);
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
    throw wrongType(name, "an array of strings", value);
  }
  return value;
}

/** An integer from `minimum` to 2^53 - 1. */
export function integerField(fields: Fields, name: string, minimum: number): number {
  const value = present(fields, name);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < minimum) {
    throw wrongType(name, `an integer from ${minimum}`, value);
  }
  return value;
}

export function optionalInteger(fields: Fields, name: string, minimum: number): number | undefined {
  return fields[name] === undefined ? undefined : integerField(fields, name, minimum);
}

const isoPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** ISO 8601 in UTC with milliseconds. */
export function timeField(fields: Fields, name: string): string {
  const value = textField(fields, name);
  if (!isoPattern.test(value) || Number.isNaN(Date.parse(value))) {
    throw wrongType(name, "an ISO 8601 time in UTC with milliseconds", value);
  }
  return value;
}

export function choiceField<const Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice {
  const value = textField(fields, name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrongType(name, `one of ${choices.join(", ")}`, value);
  return choice;
}

function present(fields: Fields, name: string): unknown {
  const value = fields[name];
  if (value === undefined) throw new SchemaViolationError(`missing required field '${name}'`);
  return value;
}

function wrongType(name: string, wanted: string, value: unknown): SchemaViolationError {
  const shown = JSON.stringify(value)?.slice(0, 80) ?? String(value);
  return new SchemaViolationError(`field '${name}' is ${shown}, expected ${wanted}`);
}
