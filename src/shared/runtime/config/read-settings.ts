/**
 * Reads a tree of settings once, at the start: flag before variable before default. Every problem is
 * collected, so that a wrong configuration is mended in one go and not one error at a time.
 */
import type { Setting } from "./setting.ts";

export interface SettingsTree {
  readonly [name: string]: Setting<unknown> | SettingsTree;
}

/** The values, in the shape of the tree. Deeply frozen. */
export type SettingsValues<Tree> = {
  readonly [Name in keyof Tree]: Tree[Name] extends Setting<infer Value> ? Value : SettingsValues<Tree[Name]>;
};

export interface SettingSources {
  /** Flag name without dashes -> text. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type SettingOrigin = "flag" | "environment" | "default";

/** One row of `triplane config`. */
export interface EffectiveSetting {
  /** The place in the tree: `limits.otp.per_phone`. */
  readonly key: string;
  /** The key in upper case with `_`: `LIMITS_OTP_PER_PHONE`. */
  readonly variable: string;
  readonly flag: string | undefined;
  /** As text; `(set)` or `(not set)` for a secret. */
  readonly value: string;
  readonly defaultValue: string;
  readonly origin: SettingOrigin;
  readonly allowed: string;
  readonly description: string;
}

/** A statement about several values together. @returns the problem in one sentence, or undefined. */
export type SettingRule<Tree> = (values: SettingsValues<Tree>) => string | undefined;

export interface Settings<Tree> {
  readonly values: SettingsValues<Tree>;
  /** Every setting in the tree's order, safe to show. */
  readonly effective: readonly EffectiveSetting[];
}

/** The configuration cannot be used. `message` lists every problem, one a line. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem(s):\n${problems.map((text) => `  ${text}`).join("\n")}`,
    );
    this.name = "SettingsError";
    this.problems = problems;
  }
}

/**
 * An empty variable counts as not set, as compose files write it. Rules are asked only when every single
 * value is allowed.
 * @throws {SettingsError} naming variable, value and what is allowed
 */
export function readSettings<const Tree extends SettingsTree>(
  tree: Tree,
  sources: SettingSources,
  rules: readonly SettingRule<Tree>[] = [],
): Settings<Tree> {
  const effective: EffectiveSetting[] = [];
  const problems: string[] = [];
  const values = readBranch(tree, [], (setting, path) => {
    const key = path.join(".");
    const variable = variableOf(key);
    const found = findText(setting, variable, sources);
    const parsed = found.raw === undefined ? undefined : setting.parse(found.raw);
    if (parsed?.ok === false) {
      const shown = setting.secret
        ? `a secret of ${found.raw?.length} characters`
        : JSON.stringify(found.raw);
      problems.push(`${found.name} is ${shown}, must be ${setting.allowed}`);
    }
    const value = parsed?.ok ? parsed.value : setting.default;
    effective.push({
      key,
      variable,
      flag: setting.flag,
      value: shownValue(setting, value),
      defaultValue: shownValue(setting, setting.default),
      origin: found.origin,
      allowed: setting.allowed,
      description: setting.description,
    });
    return value;
  }) as SettingsValues<Tree>;
  if (problems.length === 0) {
    for (const rule of rules) {
      const problem = rule(values);
      if (problem !== undefined) problems.push(problem);
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return { values, effective };
}

/** `limits.otp.per_phone` -> `LIMITS_OTP_PER_PHONE`. */
export function variableOf(key: string): string {
  return key.toUpperCase().replaceAll(".", "_");
}

function readBranch(
  branch: SettingsTree,
  path: readonly string[],
  read: (setting: Setting<unknown>, path: readonly string[]) => unknown,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(branch).map(([name, node]) => {
    const here = [...path, snakeCase(name)];
    return [name, isSetting(node) ? read(node, here) : readBranch(node, here, read)] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

function isSetting(node: Setting<unknown> | SettingsTree): node is Setting<unknown> {
  return typeof node["parse"] === "function";
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

interface FoundText {
  readonly raw: string | undefined;
  readonly origin: SettingOrigin;
  /** How the source is called in an error: `--port` or `PORT`. */
  readonly name: string;
}

function findText(setting: Setting<unknown>, variable: string, sources: SettingSources): FoundText {
  const flagged = setting.flag === undefined ? undefined : sources.flags.get(setting.flag);
  if (flagged !== undefined) return { raw: flagged, origin: "flag", name: `--${setting.flag}` };
  const raw = sources.env[variable];
  if (raw !== undefined && raw !== "") return { raw, origin: "environment", name: variable };
  return { raw: undefined, origin: "default", name: variable };
}

function shownValue(setting: Setting<unknown>, value: unknown): string {
  if (setting.secret) return value === undefined ? "(not set)" : "(set)";
  if (value === undefined) return "(not set)";
  return Array.isArray(value) ? value.join(",") || "(none)" : String(value);
}
