/** `triplane config`: every setting with its value and where it comes from. Never shows a secret. */
import { readDescriptorLimit } from "../shared/runtime/config/descriptor-limit.ts";
import { type EffectiveSetting, SettingsError } from "../shared/runtime/config/read-settings.ts";
import { readStandaloneSettings, standaloneFlags } from "../shared/runtime/config/standalone-settings.ts";
import { type CliCommand, CliError } from "./cli-command.ts";

export const configCommand: CliCommand = {
  name: "config",
  summary: "shows every setting with its value and its source, or everything that is wrong with them",
  parameters: [],
  flags: [
    ...standaloneFlags.map((name) => ({ name, value: "VALUE", description: `as for the server: --${name}` })),
    { name: "changed", value: undefined, description: "only what differs from the default" },
    { name: "json", value: undefined, description: "one JSON object a line" },
  ],
  run({ flags, io }) {
    const argv = standaloneFlags.flatMap((name) => {
      const value = flags.get(name);
      return value === undefined ? [] : [`--${name}=${value}`];
    });
    const rows = readRows(argv, io.env).filter((row) => !flags.has("changed") || row.origin !== "default");
    const width = Math.max(0, ...rows.map((row) => row.variable.length));
    for (const row of rows) io.out(flags.has("json") ? asJson(row) : asText(row, width));
    return Promise.resolve(0);
  },
};

function readRows(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly EffectiveSetting[] {
  try {
    return readStandaloneSettings({ argv, env, descriptorLimit: readDescriptorLimit() }).effective;
  } catch (error) {
    if (error instanceof SettingsError) throw new CliError(error.message, 1, { cause: error });
    throw error;
  }
}

function asJson({ key, variable, value, origin, defaultValue, description }: EffectiveSetting): string {
  return JSON.stringify({ key, variable, value, source: origin, default: defaultValue, description });
}

function asText(row: EffectiveSetting, width: number): string {
  return `${row.variable.padEnd(width)}  ${row.value}  (${row.origin})`;
}
