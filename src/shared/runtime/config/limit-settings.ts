/**
 * Rate limits, caps and lives of tokens, with the contracts' defaults. The rows named L1-L27 are those of the
 * table of rate limits; a limit of a window counts in the unit that its name ends with.
 */
import { booleanSetting, integerSetting } from "./setting.ts";

const count = (description: string, byDefault: number, max = 1_000_000_000) =>
  integerSetting(description, { default: byDefault, min: 1, max });

export const limitSettings = {
  upgrades: {
    perIpSecond: count("connections per IP address and second (L1)", 10),
    perIpMinute: count("upgrades per IP network and minute (L2)", 100),
    concurrentPerUser: count("open connections per user (L3)", 5),
    perUserMinute: count("new connections per user and minute (L4)", 10),
    clusterSecond: count("new connections per second, all together (L5)", 10_000),
  },
  otp: {
    perPhone: count("codes requested per phone number and window (L6)", 3),
    perIp: count("codes requested per IP address and window (L7)", 10),
    windowSeconds: count("window of the two limits above", 900, 86_400),
    failures: count("failed verifications per phone number and window (L8)", 5),
    failureWindowSeconds: count("window of the failed verifications", 300, 86_400),
    lockoutSeconds: count("lockout after too many failures (L9)", 900, 86_400),
    validSeconds: count("life of a code (L10)", 300, 3600),
  },
  refreshPerMinute: count("token refreshes per user and minute (L11)", 30),
  rest: {
    readPerMinute: count("REST reads per user and minute (L12)", 300),
    writePerMinute: count("REST writes per user and minute (L12)", 60),
    statusPerMinute: count("delivery-state reads per user and minute (L12)", 600),
    publicPerMinute: count("requests to public endpoints per IP address and minute (L27)", 300),
  },
  lookup: {
    perMinute: count("user look-ups per user and minute (L13)", 10),
    perHour: count("user look-ups per user and hour (L13)", 100),
  },
  sends: {
    perUserSecond: count("messages per user and second (L16)", 30),
    perUserHour: count("messages per user and hour (L17)", 1000),
    clusterSecond: count("messages per second, all together (L18)", 100_000),
  },
  fanoutBudgetPerDay: count("recipient deliveries per user and UTC day (L20)", 100_000),
  sync: {
    perSecond: count("sync requests per connection and second (L21)", 5),
    concurrent: count("sync requests in flight per connection (L21)", 5, 1000),
  },
  groups: {
    perDay: count("groups created per user and UTC day (L24)", 20),
    perUser: count("groups that a user may be in (L24)", 500, 100_000),
    members: count("members of a group (L24)", 100, 1000),
  },
};

/** @param isLocal short-lived access tokens (down to 60 s) are for tests on one machine only */
export function authSettings(isLocal: boolean) {
  return {
    accessTokenTtlSeconds: integerSetting("life of an access token", {
      default: 3600,
      min: isLocal ? 60 : 900,
      max: 3600,
    }),
    sessionTtlSeconds: count("life of a session from its login, never extended", 2_592_000, 31_536_000),
    sessionsPerUser: count("sessions per user; the oldest is ended for a new one", 5, 1000),
    revocationCheckSeconds: count("how often an open connection is checked for revocation", 60, 3600),
  };
}

export const featureSettings = {
  presence: booleanSetting("presence of users is tracked and told", false),
  typing: booleanSetting("typing indicators are passed on", true),
  web: booleanSetting("the chat, status and documentation pages are served", true),
};
