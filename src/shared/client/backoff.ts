import { protocolLimits } from "../protocol/protocol-limits.ts";
import type { Random } from "./ports.ts";

/** Full jitter: uniform in [0, min(30 s, 1 s * 2^attempt)], attempt counted from 0. */
export function backoffMs(random: Random, attempt: number): number {
  const { backoffBaseMs, backoffCapMs } = protocolLimits;
  return random.float() * Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(attempt, 30));
}
