/** Writes .env.example from the settings themselves: `sh scripts/run.sh scripts/env-example.ts`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EffectiveSetting } from "../src/shared/runtime/config/read-settings.ts";
import { readStandaloneSettings } from "../src/shared/runtime/config/standalone-settings.ts";

export const envExamplePath = join(import.meta.dir, "../.env.example");

/** Every setting with its default, commented out, under the first word of its key. */
export function formatEnvExample(): string {
  const rows = readStandaloneSettings({ argv: [], env: {}, descriptorLimit: undefined }).effective;
  const groups = Map.groupBy(rows, ({ key }) => (key.includes(".") ? (key.split(".")[0] ?? "") : "server"));
  const sections = [...groups].map(([group, settings]) =>
    [`# ${group}`, "", ...settings.map(formatSetting)].join("\n"),
  );
  return `${[header, ...sections].join("\n\n")}\n`;
}

const header = `# Settings of the standalone server, all with their defaults in a local environment. Copy this file to .env,
# take away the "#" before a name and change the value. Flags go before these, these before the defaults.
# What a running server uses: ./triplane config`;

function formatSetting(setting: EffectiveSetting): string {
  const flag = setting.flag === undefined ? "" : `; also --${setting.flag}`;
  const value = /^\((not set|none)\)$/.test(setting.defaultValue) ? "" : setting.defaultValue;
  return `# ${setting.description}: ${setting.allowed}${flag}\n#${setting.variable}=${value}`;
}

if (import.meta.main) {
  writeFileSync(envExamplePath, formatEnvExample());
  console.log(`wrote ${envExamplePath}`);
}
