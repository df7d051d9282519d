/** Sends a code in the background: the answer never waits for it and never depends on it. */

import type { RequestInfo } from "../shared/rpc/request-info.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { phoneHash } from "./phone-hash.ts";
import type { OtpSms } from "./sms-sender.ts";

/** The provider's time to accept one message. */
export const smsTimeoutMs = 10_000;

type Deps = Pick<ChatMgmtDeps, "sms" | "clock" | "audit" | "logger">;

/** Never throws. */
export async function deliverOtp(deps: Deps, sms: OtpSms, info: RequestInfo): Promise<void> {
  const abort = new AbortController();
  const timer = deps.clock.setTimer(smsTimeoutMs, () => {
    abort.abort(new Error(`SMS provider did not answer within ${smsTimeoutMs} ms`));
  });
  try {
    await deps.sms.send(sms, abort.signal);
  } catch (error) {
    deps.logger.error("otp_delivery_failed", { error: error instanceof Error ? error.name : "unknown" });
    deps.audit.record({
      type: "auth.otp_delivery_failed",
      outcome: "failure",
      reason: abort.signal.aborted ? "timeout" : "provider_error",
      actor: auditActor(info),
      target: { type: "phone", resourceId: phoneHash(sms.phoneNumber) },
      ...auditContext(info),
      details: {},
    });
  } finally {
    timer.cancel();
  }
}
