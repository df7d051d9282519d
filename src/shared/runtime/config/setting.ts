/**
 * One setting: what it may be, what it is when nobody says anything, and how its text is read. Its key, its
 * variable and its flag follow from its place in the tree (`read-settings.ts`), so they cannot disagree.
 */

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export interface Setting<T> {
  readonly default: T;
  /** What is allowed, as it reads after "must be": `an integer from 0 to 65535`. */
  readonly allowed: string;
  readonly description: string;
  /** The command line's name for it, without dashes. Most settings have a variable only. */
  readonly flag: string | undefined;
  /** Its value is never shown: not in errors, not in `config`, not in the log. */
  readonly secret: boolean;
  parse(raw: string): Parsed<T>;
}

const refused = { ok: false } as const;

interface IntegerOptions {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly flag?: string;
}

export function integerSetting(description: string, options: IntegerOptions): Setting<number> {
  const { min, max } = options;
  return {
    default: options.default,
    allowed: `an integer from ${min} to ${max}`,
    description,
    flag: options.flag,
    secret: false,
    parse(raw) {
      const value = /^-?\d{1,16}$/.test(raw) ? Number(raw) : Number.NaN;
      return value >= min && value <= max ? { ok: true, value } : refused;
    },
  };
}

export function booleanSetting(description: string, byDefault: boolean): Setting<boolean> {
  return {
    default: byDefault,
    allowed: "true or false",
    description,
    flag: undefined,
    secret: false,
    parse: (raw) => (raw === "true" || raw === "false" ? { ok: true, value: raw === "true" } : refused),
  };
}

export function choiceSetting<const Choice extends string>(
  description: string,
  choices: readonly Choice[],
  byDefault: NoInfer<Choice>,
): Setting<Choice> {
  return {
    default: byDefault,
    allowed: `one of ${choices.join(", ")}`,
    description,
    flag: undefined,
    secret: false,
    parse(raw) {
      const value = choices.find((choice) => choice === raw);
      return value === undefined ? refused : { ok: true, value };
    },
  };
}

/** Text that always has a value: a host, a directory. At most 4096 characters, no control characters. */
export function textSetting(
  description: string,
  options: { readonly default: string; readonly flag?: string },
): Setting<string> {
  return {
    default: options.default,
    allowed: "1 to 4096 printable characters",
    description,
    flag: options.flag,
    secret: false,
    parse: (raw) => (isPrintable(raw, 1, 4096) ? { ok: true, value: raw } : refused),
  };
}

/** A bearer token that an operator sets. Unset means that whatever it opens stays closed. */
export function secretSetting(description: string): Setting<string | undefined> {
  return {
    default: undefined,
    allowed: "16 to 4096 printable characters",
    description,
    flag: undefined,
    secret: true,
    parse: (raw) => (isPrintable(raw, 16, 4096) ? { ok: true, value: raw } : refused),
  };
}

/** An absolute http or https address, or unset. */
export function urlSetting(description: string): Setting<string | undefined> {
  return {
    default: undefined,
    allowed: "an absolute http or https address",
    description,
    flag: undefined,
    secret: false,
    parse: (raw) => (isHttpUrl(raw) ? { ok: true, value: raw } : refused),
  };
}

/** Comma-separated web origins (`https://chat.example.com`), or `*` alone for any. */
export function originsSetting(
  description: string,
  byDefault: readonly string[],
): Setting<readonly string[]> {
  return {
    default: byDefault,
    allowed: "comma-separated origins like https://chat.example.com, or *",
    description,
    flag: undefined,
    secret: false,
    parse(raw) {
      const origins = raw.split(",").map((part) => part.trim());
      if (origins.length === 1 && origins[0] === "*") return { ok: true, value: origins };
      const valid = origins.every((origin) => isHttpUrl(origin) && new URL(origin).origin === origin);
      return valid ? { ok: true, value: origins } : refused;
    },
  };
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}

function isPrintable(text: string, min: number, max: number): boolean {
  return text.length >= min && text.length <= max && !/\p{Cc}/u.test(text);
}
