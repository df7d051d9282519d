/** Use case: sends a code to a phone number. The answer is the same whether or not anybody is registered with it. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { RequestOtpRequest, RequestOtpResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import type { OtpRecord } from "../shared/stores/otp-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { deliverOtp } from "./deliver-otp.ts";
import { refuseDuringLockout, takeOtpRequest } from "./otp-limits.ts";
import { phoneHash as hashPhone } from "./phone-hash.ts";

type Deps = Pick<
  ChatMgmtDeps,
  "otps" | "otpCodes" | "sms" | "rateLimiter" | "audit" | "logger" | "metrics" | "clock" | "settings"
>;

/** Advice for the client's resend button; the limits are what is enforced. */
const retryAfterSeconds = 60;

/**
 * While a code is active a repeat sends the same one again, with the same expiry.
 * @throws {TriplaneError} RATE_LIMITED, SERVICE_UNAVAILABLE
 */
export async function requestOtp(
  deps: Deps,
  request: RequestOtpRequest,
  info: RequestInfo,
): Promise<MessageInitShape<typeof RequestOtpResponseSchema>> {
  const { phoneNumber } = request;
  const phoneHash = hashPhone(phoneNumber);
  await refuseDuringLockout(deps, phoneHash);
  await takeOtpRequest(deps, phoneHash, info);
  const active = activeCode(deps, await deps.otps.get(phoneHash));
  const { record, otp } = active ?? (await storeNewCode(deps, phoneHash));
  deps.audit.record({
    type: "auth.otp_requested",
    outcome: "success",
    reason: null,
    actor: auditActor(info),
    target: { type: "phone", resourceId: phoneHash },
    ...auditContext(info),
    details: {},
  });
  void sendCode(deps, record, otp, phoneNumber, info);
  return { phoneNumber, expiresAt: isoTime(record.expiresAtMs), retryAfterSeconds };
}

/** A code and its record; the code is undefined where only its ciphertext is at hand. */
interface Code {
  readonly record: OtpRecord;
  readonly otp: string | undefined;
}

function activeCode(deps: Deps, record: OtpRecord | undefined): Code | undefined {
  if (record?.status !== "pending" || record.expiresAtMs <= deps.clock.nowMs()) return undefined;
  if (record.attemptCount >= deps.settings.limits.otp.failures) return undefined;
  return { record, otp: undefined };
}

async function storeNewCode(deps: Deps, phoneHash: string): Promise<Code> {
  const { failures, validSeconds } = deps.settings.limits.otp;
  const createdAtMs = deps.clock.nowMs();
  const expiresAtMs = createdAtMs + validSeconds * 1000;
  const binding = { phoneHash, expiresAtMs };
  const otp = deps.otpCodes.generate();
  const otpCiphertext = await deps.otpCodes.encrypt(otp, binding).catch((error: unknown) => {
    throw new TriplaneError("SERVICE_UNAVAILABLE", "Codes cannot be sent at the moment", { cause: error });
  });
  const otpMac = deps.otpCodes.mac(otp, binding);
  const put = await deps.otps.put({ phoneHash, otpMac, otpCiphertext, createdAtMs, expiresAtMs }, failures);
  return { record: put.record, otp: put.stored ? otp : undefined };
}

/** Never throws: a code that cannot be read again is not sent again, its first message may still arrive. */
async function sendCode(
  deps: Deps,
  record: OtpRecord,
  otp: string | undefined,
  phoneNumber: string,
  info: RequestInfo,
): Promise<void> {
  const code = otp ?? (await deps.otpCodes.decrypt(record.otpCiphertext, record).catch(() => undefined));
  if (code === undefined) {
    deps.logger.error("otp_decrypt_failed");
    return;
  }
  await deliverOtp(deps, { phoneNumber, otp: code, expiresAtMs: record.expiresAtMs }, info);
}
