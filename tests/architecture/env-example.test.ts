/**
 * Goal: the documented settings are the real ones.
 * Method: the committed file against what the settings' own definitions yield, and read back as an environment.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { envExamplePath, formatEnvExample } from "../../scripts/env-example.ts";
import { readStandaloneSettings } from "../../src/shared/runtime/config/standalone-settings.ts";

const text = readFileSync(envExamplePath, "utf8");

test(".env.example is what the settings say (write it: sh scripts/run.sh scripts/env-example.ts)", () => {
  expect(text).toBe(formatEnvExample());
});

test("with every line in force it changes nothing", () => {
  const env = Object.fromEntries(
    [...text.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
  const read = (from: Record<string, string>) =>
    readStandaloneSettings({ argv: [], env: from, descriptorLimit: undefined });
  expect(Object.keys(env).length).toBe(read({}).effective.length);
  expect(read(env).values).toEqual(read({}).values);
});
