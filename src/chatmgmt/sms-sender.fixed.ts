/** For local tests: every code is 000000, nothing needs to be sent. Goes with `OtpCodes` of this `fixedCode`. */
import type { SmsSender } from "./sms-sender.ts";

export const fixedOtpCode = "000000";

export const fixedSmsSender: SmsSender = { send: async () => undefined };
