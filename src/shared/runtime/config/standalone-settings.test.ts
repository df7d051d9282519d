/**
 * Goal: a wrong configuration never starts a server, and says everything that is wrong at once.
 * Method: tables of sources with the value or the sentence that must come out.
 */
import { describe, expect, test } from "bun:test";
import { type EffectiveSetting, SettingsError } from "./read-settings.ts";
import { readStandaloneSettings } from "./standalone-settings.ts";

const read = (
  env: Record<string, string>,
  argv: string[] = [],
  descriptorLimit: number | undefined = 20_000,
) => readStandaloneSettings({ argv, env, descriptorLimit });

function problemsOf(env: Record<string, string>, argv: string[] = []): readonly string[] {
  try {
    read(env, argv);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe("standalone settings", () => {
  test("without any source they are the contracts' defaults", () => {
    const { values } = read({});
    expect(values.environment).toBe("local");
    expect([values.host, values.port, values.dataDir]).toEqual(["127.0.0.1", 8080, "./data"]);
    expect([values.smsProvider, values.rateLimitsEnabled]).toEqual(["log", true]);
    expect(values.limits.otp).toEqual({
      perPhone: 3,
      perIp: 10,
      windowSeconds: 900,
      failures: 5,
      failureWindowSeconds: 300,
      lockoutSeconds: 900,
      validSeconds: 300,
    });
    expect(values.auth.accessTokenTtlSeconds).toBe(3600);
    expect(values.gateway.timeouts.heartbeatIntervalSeconds).toBe(5);
    expect(values.gateway.limits.maxConnections).toBe(10_000);
    expect(values.durability.writer.maxBatchMessages).toBe(49);
  });

  test("a flag goes before a variable, a variable before the default", () => {
    const { values, effective } = read({ PORT: "9000", HOST: "0.0.0.0" }, ["--port", "9001"]);
    expect([values.port, values.host, values.dataDir]).toEqual([9001, "0.0.0.0", "./data"]);
    const origins = new Map(effective.map((row: EffectiveSetting) => [row.key, row.origin]));
    expect([origins.get("port"), origins.get("host"), origins.get("data_dir")]).toEqual([
      "flag",
      "environment",
      "default",
    ]);
  });

  test("an empty variable counts as not set", () => {
    expect(read({ PORT: "", ENVIRONMENT: "" }).values.port).toBe(8080);
  });

  test("the variable of a key is the key in upper case", () => {
    const rows = read({}).effective;
    expect(
      rows.find((row) => row.key === "gateway.backpressure.outbound.max_buffer_messages")?.variable,
    ).toBe("GATEWAY_BACKPRESSURE_OUTBOUND_MAX_BUFFER_MESSAGES");
    for (const row of rows) expect(row.variable).toBe(row.key.toUpperCase().replaceAll(".", "_"));
  });

  test.each([
    ["a port above the range", { PORT: "65536" }, 'PORT is "65536", must be an integer from 0 to 65535'],
    ["a port that is no number", { PORT: "http" }, 'PORT is "http", must be an integer from 0 to 65535'],
    ["a fraction", { LIMITS_OTP_PER_PHONE: "1.5" }, 'LIMITS_OTP_PER_PHONE is "1.5", must be an integer'],
    ["nothing for a limit", { LIMITS_OTP_PER_PHONE: "0" }, "must be an integer from 1 to"],
    [
      "a boolean in words",
      { RATE_LIMITS_ENABLED: "no" },
      'RATE_LIMITS_ENABLED is "no", must be true or false',
    ],
    ["an unknown environment", { ENVIRONMENT: "staging" }, "must be one of local, dev, prod"],
    ["an access token that lives too short", { AUTH_ACCESS_TOKEN_TTL_SECONDS: "59" }, "from 60 to 3600"],
    ["more connections than descriptors", { GATEWAY_LIMITS_MAX_CONNECTIONS: "19001" }, "from 1 to 19000"],
    ["a batch above the transaction's bound", { DURABILITY_WRITER_MAX_BATCH_MESSAGES: "50" }, "from 1 to 49"],
    ["an origin with a path", { CORS_ALLOWED_ORIGINS: "https://a.example/x" }, "comma-separated origins"],
    [
      "a webhook without an address",
      { SMS_PROVIDER: "webhook" },
      "SMS_WEBHOOK_URL is not set, SMS_PROVIDER=webhook needs it",
    ],
    [
      "SNS without an access key",
      { SMS_PROVIDER: "sns", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG" },
      "AWS_ACCESS_KEY_ID is not set, SMS_PROVIDER=sns needs it",
    ],
    [
      "SNS without the key's secret",
      { SMS_PROVIDER: "sns", AWS_ACCESS_KEY_ID: "AKIDEXAMPLEAKIDEXAMPLE" },
      "AWS_SECRET_ACCESS_KEY is not set, SMS_PROVIDER=sns needs it",
    ],
    ["a region that is a host", { AWS_REGION: "evil.example/" }, "must be a region like eu-central-1"],
    [
      "a heartbeat slower than its time-out",
      { GATEWAY_TIMEOUTS_HEARTBEAT_INTERVAL_SECONDS: "11" },
      "GATEWAY_TIMEOUTS_HEARTBEAT_INTERVAL_SECONDS is 11, must be at most GATEWAY_TIMEOUTS_HEARTBEAT_TIMEOUT_SECONDS (10)",
    ],
  ])("refuses %s", (_name, env, sentence) => {
    const problems = problemsOf(env as Record<string, string>);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(sentence);
  });

  test.each([
    ["fixed codes", { SMS_PROVIDER: "fixed" }, "SMS_PROVIDER"],
    ["codes in the log", { SMS_PROVIDER: "log" }, "SMS_PROVIDER"],
    ["no rate limits", { RATE_LIMITS_ENABLED: "false" }, "RATE_LIMITS_ENABLED"],
    ["a token of a minute", { AUTH_ACCESS_TOKEN_TTL_SECONDS: "60" }, "AUTH_ACCESS_TOKEN_TTL_SECONDS"],
  ])("refuses %s outside local and takes it there", (_name, env, variable) => {
    const safe = { SMS_PROVIDER: "webhook", SMS_WEBHOOK_URL: "https://sms.example.com/send" };
    expect(problemsOf(env as Record<string, string>)).toEqual([]);
    for (const environment of ["dev", "prod"]) {
      const problems = problemsOf({ ...safe, ...env, ENVIRONMENT: environment });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toStartWith(variable);
    }
  });

  test("names every problem in one error, unknown flags included", () => {
    const problems = problemsOf({ PORT: "-1", LOG_LEVEL: "loud" }, ["--colour", "red"]);
    expect(problems).toEqual([
      "--colour is not known; the flags are --port, --host, --data",
      '"red" is neither a flag nor a command',
      'PORT is "-1", must be an integer from 0 to 65535',
      'LOG_LEVEL is "loud", must be one of debug, info, warn, error, fatal',
    ]);
  });

  test("a secret is shown neither in an error nor among the effective values", () => {
    expect(problemsOf({ METRICS_TOKEN: "short" })).toEqual([
      "METRICS_TOKEN is a secret of 5 characters, must be 16 to 4096 printable characters",
    ]);
    const shown = JSON.stringify(read({ METRICS_TOKEN: "a-very-long-metrics-token" }).effective);
    expect(shown).not.toContain("a-very-long");
    expect(shown).toContain("(set)");
  });

  test("the default of connections follows a small descriptor limit", () => {
    expect(read({}, [], 4096).values.gateway.limits.maxConnections).toBe(3096);
  });

  test("the values are frozen all the way down", () => {
    const { values } = read({});
    expect(Object.isFrozen(values) && Object.isFrozen(values.limits.otp)).toBe(true);
  });
});
