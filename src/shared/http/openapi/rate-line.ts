import { RateClass } from "../../gen/messaging/v1/rest_pb.js";
import { restLimitsDefault } from "../../rpc/guard.ts";

/** What an operation's rate class means, with the default numbers, in a sentence. */
export function rateLine(rate: RateClass): string {
  const limits = restLimitsDefault;
  const lines: Readonly<Record<RateClass, string>> = {
    [RateClass.UNSPECIFIED]: "",
    [RateClass.READ]: `Counts as a read: ${limits.readPerMinute} a minute per user.`,
    [RateClass.WRITE]: `Counts as a write: ${limits.writePerMinute} a minute per user.`,
    [RateClass.STATUS]: `Has a limit of its own: ${limits.statusPerMinute} a minute per user.`,
    [RateClass.PUBLIC]: `Counts per address: ${limits.publicPerMinute} a minute.`,
    [RateClass.REFRESH]: `Has a limit of its own: ${limits.refreshPerMinute} a minute per user.`,
  };
  return lines[rate];
}
