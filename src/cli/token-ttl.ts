/** The life of tokens that a tool makes: longer than a login's where a load test needs it. */
import type { CliFlag, CliInvocation } from "./cli-command.ts";
import { numberFlag } from "./number-flag.ts";

export const tokenTtlFlag: CliFlag = {
  name: "token-ttl",
  value: "SECONDS",
  description: "life of the access tokens; default 3600, at most 30 days",
};

export function tokenTtlOf(invocation: CliInvocation): number {
  return numberFlag(invocation, "token-ttl", { byDefault: 3600, min: 1, max: 30 * 24 * 3600 });
}
