/**
 * Every setting of the standalone server. What a value may be can depend on `ENVIRONMENT`, so that one is read
 * first and the tree is built for it.
 */

import { connectionsMaxFor } from "./descriptor-limit.ts";
import { durabilitySettings, gatewaySettings } from "./gateway-settings.ts";
import { authSettings, featureSettings, limitSettings } from "./limit-settings.ts";
import { parseFlags } from "./parse-flags.ts";
import {
  readSettings,
  type SettingRule,
  type Settings,
  SettingsError,
  type SettingsValues,
  variableOf,
} from "./read-settings.ts";
import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  originsSetting,
  secretSetting,
  textSetting,
  urlSetting,
} from "./setting.ts";

export const environments = ["local", "dev", "prod"] as const;
export type Environment = (typeof environments)[number];

const environmentSetting = choiceSetting(
  "local for one machine and tests; dev and prod refuse what is unsafe off it",
  environments,
  "local",
);

/** The flags of the server, without dashes. */
export const standaloneFlags = ["port", "host", "data"] as const;

export function standaloneTree(environment: Environment, connectionsMax: number) {
  const isLocal = environment === "local";
  return {
    environment: environmentSetting,
    port: integerSetting("TCP port; 0 takes any free one", {
      default: 8080,
      min: 0,
      max: 65_535,
      flag: "port",
    }),
    host: textSetting("address to listen on", { default: "127.0.0.1", flag: "host" }),
    dataDir: textSetting("directory of the database and the keys", { default: "./data", flag: "data" }),
    logLevel: choiceSetting(
      "least level that is logged",
      ["debug", "info", "warn", "error", "fatal"],
      "info",
    ),
    smsProvider: choiceSetting(
      "how login codes are sent: log and fixed (code 000000) only while local, webhook and sns (Amazon) anywhere",
      ["log", "fixed", "webhook", "sns"],
      isLocal ? "log" : "sns",
    ),
    smsWebhookUrl: urlSetting(
      "receives POST {phone_number, otp, expires_at}; needed by SMS_PROVIDER=webhook",
    ),
    aws: {
      region: textSetting("AWS region, for SMS_PROVIDER=sns", { default: "us-east-1" }),
      accessKeyId: secretSetting("AWS access key that may sns:Publish; needed by SMS_PROVIDER=sns"),
      secretAccessKey: secretSetting("secret of the access key; needed by SMS_PROVIDER=sns"),
      sessionToken: secretSetting("of temporary AWS credentials, which end with it"),
    },
    rateLimitsEnabled: booleanSetting("false turns all rate limits off, only while local", true),
    corsAllowedOrigins: originsSetting("origins of browsers that may call the API", isLocal ? ["*"] : []),
    trustedProxyHops: integerSetting("proxies in front whose X-Forwarded-For entries are believed", {
      default: isLocal ? 0 : 1,
      min: 0,
      max: 10,
    }),
    metricsToken: secretSetting("bearer token of /metrics and /status off loopback"),
    healthFailOnDependency: booleanSetting("/health answers 503 while a dependency is down", false),
    features: featureSettings,
    limits: limitSettings,
    auth: authSettings(isLocal),
    gateway: gatewaySettings(connectionsMax),
    durability: durabilitySettings,
  };
}

type StandaloneTree = ReturnType<typeof standaloneTree>;

export type StandaloneSettings = SettingsValues<StandaloneTree>;

const onlyLocal = (variable: string, value: unknown, environment: Environment): string =>
  `${variable} is ${JSON.stringify(value)}, which is allowed only with ENVIRONMENT=local (it is ${environment})`;

const rules: readonly SettingRule<StandaloneTree>[] = [
  ({ environment, smsProvider }) =>
    environment !== "local" && (smsProvider === "log" || smsProvider === "fixed")
      ? onlyLocal("SMS_PROVIDER", smsProvider, environment)
      : undefined,
  ({ smsProvider, smsWebhookUrl }) =>
    smsProvider === "webhook" && smsWebhookUrl === undefined
      ? "SMS_WEBHOOK_URL is not set, SMS_PROVIDER=webhook needs it"
      : undefined,
  ({ smsProvider, aws }) =>
    smsProvider === "sns" && aws.accessKeyId === undefined
      ? "AWS_ACCESS_KEY_ID is not set, SMS_PROVIDER=sns needs it"
      : undefined,
  ({ smsProvider, aws }) =>
    smsProvider === "sns" && aws.secretAccessKey === undefined
      ? "AWS_SECRET_ACCESS_KEY is not set, SMS_PROVIDER=sns needs it"
      : undefined,
  // It becomes part of a host name.
  ({ aws }) =>
    /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(aws.region)
      ? undefined
      : `AWS_REGION is ${JSON.stringify(aws.region)}, must be a region like eu-central-1`,
  ({ environment, rateLimitsEnabled }) =>
    environment !== "local" && !rateLimitsEnabled
      ? onlyLocal("RATE_LIMITS_ENABLED", false, environment)
      : undefined,
  ({ gateway: { timeouts } }) =>
    above("gateway.timeouts.heartbeat_interval_seconds", timeouts.heartbeatIntervalSeconds, [
      "gateway.timeouts.heartbeat_timeout_seconds",
      timeouts.heartbeatTimeoutSeconds,
    ]),
  ({ gateway: { backpressure } }) =>
    above(
      "gateway.backpressure.outbound.warning_threshold_percent",
      backpressure.outbound.warningThresholdPercent,
      [
        "gateway.backpressure.outbound.critical_threshold_percent",
        backpressure.outbound.criticalThresholdPercent,
      ],
    ),
  ({ gateway: { backpressure } }) =>
    above("gateway.backpressure.outbound.max_buffer_bytes", backpressure.outbound.maxBufferBytes, [
      "gateway.backpressure.outbound.max_total_buffer_bytes",
      backpressure.outbound.maxTotalBufferBytes,
    ]),
  ({ gateway }) =>
    above("gateway.limits.memory_refuse_percent", gateway.limits.memoryRefusePercent, [
      "gateway.limits.memory_shed_percent",
      gateway.limits.memoryShedPercent,
    ]),
];

function above(key: string, value: number, [boundKey, bound]: readonly [string, number]): string | undefined {
  return value > bound
    ? `${variableOf(key)} is ${value}, must be at most ${variableOf(boundKey)} (${bound})`
    : undefined;
}

export interface StandaloneSources {
  /** The command line without the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of `readDescriptorLimit()`; undefined when unknown. */
  readonly descriptorLimit: number | undefined;
}

/**
 * Reads flags, environment and defaults of the standalone server.
 * @throws {SettingsError} with every problem: unknown flags, values out of range, settings that contradict
 */
export function readStandaloneSettings(sources: StandaloneSources): Settings<StandaloneTree> {
  const { flags, rest, problems } = parseFlags(sources.argv, standaloneFlags);
  const found = [
    ...problems,
    ...rest.map((text) => `${JSON.stringify(text)} is neither a flag nor a command`),
  ];
  const environment = environmentSetting.parse(sources.env["ENVIRONMENT"] || environmentSetting.default);
  const tree = standaloneTree(
    environment.ok ? environment.value : "local",
    connectionsMaxFor(sources.descriptorLimit),
  );
  try {
    const settings = readSettings(tree, { flags, env: sources.env }, rules);
    if (found.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    found.push(...error.problems);
  }
  throw new SettingsError(found);
}
