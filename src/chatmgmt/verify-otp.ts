/**
 * Use case: exchanges a code for a session. The code is used up, the user and the session come to be and older
 * sessions end in one transaction; the same call again by the same device gives the same session with fresh tokens.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { DeviceId, UserId } from "../shared/domain/ids.ts";
import type { VerifyOtpRequest, VerifyOtpResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import type { OtpRecord } from "../shared/stores/otp-store.ts";
import type { Session } from "../shared/stores/session-store.ts";
import type { User } from "../shared/stores/user-store.ts";
import { auditActor, auditContext } from "./audit-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { requireSameDevice } from "./device-id-header.ts";
import { type MintedTokens, mintTokens, withLiveToken } from "./mint-tokens.ts";
import { type EndedByLogin, endedByLogin, openSession } from "./open-session.ts";
import { forgetAttempts, keepFailedAttempt, lockedOut, takeOtpAttempt } from "./otp-limits.ts";
import { phoneHash as hashPhone } from "./phone-hash.ts";
import { announceEnded, freezeSessions, revokeTokens } from "./revoke-sessions.ts";
import { sessionFields } from "./session-fields.ts";

type Deps = Omit<
  ChatMgmtDeps,
  "chats" | "messages" | "deliveryStates" | "restIdempotency" | "eventLog" | "sms" | "producerId"
>;

type Answer = MessageInitShape<typeof VerifyOtpResponseSchema>;

/** One try at a login: who asks, with what. */
interface Attempt {
  readonly phoneNumber: string;
  readonly phoneHash: string;
  readonly otp: string;
  readonly deviceId: DeviceId;
  readonly info: RequestInfo;
}

/** What a lost race can need: the code went to another call, the number to another user, the session to a retry. */
const attemptsMax = 4;

/** @throws {TriplaneError} INVALID_OTP, RATE_LIMITED, VALIDATION_ERROR, SERVICE_UNAVAILABLE */
export async function verifyOtp(deps: Deps, request: VerifyOtpRequest, info: RequestInfo): Promise<Answer> {
  const deviceId = requireSameDevice(info, request.deviceId);
  const { phoneNumber, otp } = request;
  const attempt: Attempt = { phoneNumber, phoneHash: hashPhone(phoneNumber), otp, deviceId, info };
  deps.metrics.count("security_auth_otp_attempts_total", {});
  await takeOtpAttempt(deps, attempt.phoneHash);
  const answer = await logIn(deps, attempt);
  deps.metrics.count("security_auth_otp_verified_total", {});
  return answer;
}

async function logIn(deps: Deps, attempt: Attempt): Promise<Answer> {
  let takenBy: UserId | undefined;
  for (let tries = 0; tries < attemptsMax; tries += 1) {
    const record = await deps.otps.get(attempt.phoneHash);
    await requireRightCode(deps, attempt, record);
    if (tries === 0) await giveAttemptsBack(deps, attempt);
    const result =
      record?.status === "verified"
        ? await repeatLogin(deps, attempt, record)
        : await firstLogin(deps, attempt, record as OtpRecord, takenBy);
    if (result.kind === "done") return result.answer;
    if (result.kind === "phone_taken") takenBy = result.userId;
  }
  throw new TriplaneError("SERVICE_UNAVAILABLE", "The login could not be completed, try again");
}

/** At once, not after the login: a right code never counts, also where the login then fails for want of a store. */
async function giveAttemptsBack(deps: Deps, attempt: Attempt): Promise<void> {
  await forgetAttempts(deps, attempt.phoneHash).catch((error: unknown) => {
    // What was counted so far ends by itself with its window.
    deps.logger.warn("otp_attempts_not_reset", { error });
  });
}

/** Takes the same time and the same store calls for an unknown number as for a wrong code. */
async function requireRightCode(deps: Deps, attempt: Attempt, record: OtpRecord | undefined): Promise<void> {
  const { failures } = deps.settings.limits.otp;
  const nowMs = deps.clock.nowMs();
  const right = deps.otpCodes.matches(attempt.otp, record ?? noRecord(attempt), record?.otpMac ?? "");
  const usable = record !== undefined && record.status !== "expired" && record.expiresAtMs > nowMs;
  if (usable && record.attemptCount >= failures) {
    throw lockedOut(deps, Math.max(1, record.expiresAtMs - nowMs));
  }
  if (!usable) throw await failed(deps, attempt, "no_active_code");
  if (!right) {
    await deps.otps.countFailure(attempt.phoneHash, failures);
    throw await failed(deps, attempt, "wrong_code");
  }
  if (record.status === "verified" && record.verifiedDeviceId !== attempt.deviceId) {
    throw await failed(deps, attempt, "used_by_another_device");
  }
}

type Step =
  | { readonly kind: "done"; readonly answer: Answer }
  /** Another call was faster: look again. */
  | { readonly kind: "again" }
  | { readonly kind: "phone_taken"; readonly userId: UserId };

async function firstLogin(
  deps: Deps,
  attempt: Attempt,
  record: OtpRecord,
  takenBy: UserId | undefined,
): Promise<Step> {
  const nowMs = deps.clock.nowMs();
  const known = await findUser(deps, attempt, takenBy);
  const user = known ?? newUser(deps, attempt.phoneNumber);
  const opened = await openSession(deps, user.userId, attempt.deviceId);
  const held = known === undefined ? [] : await deps.sessions.listSessions(known.userId);
  const ended = endedByLogin(held, attempt.deviceId, deps.settings.auth.sessionsPerUser, nowMs);
  const endedNow = [...ended.replaced, ...ended.evicted];
  if (endedNow.length > 0 && !(await isStillOpen(deps, record))) return { kind: "again" };
  await freezeSessions(deps, endedNow);
  const replacedSessionIds = [...endedNow, ...ended.expired].map((session) => session.sessionId);
  const outcome = await deps.otps.consume({
    phoneHash: attempt.phoneHash,
    otpMac: record.otpMac,
    nowMs,
    attemptsMax: deps.settings.limits.otp.failures,
    newUser: known === undefined ? user : undefined,
    session: opened.session,
    replacedSessionIds,
  });
  if (outcome.kind === "consumed") {
    await tellEnded(deps, attempt, ended);
    recordLogin(deps, attempt, opened.session, known === undefined);
    return { kind: "done", answer: answerOf(user, opened, known === undefined) };
  }
  // Frozen sessions serve nobody: they go even though this call did not get the code.
  await deps.sessions.deleteSessions(endedNow.map((session) => session.sessionId));
  await tellEnded(deps, attempt, ended);
  return outcome.kind === "phone_taken" ? outcome : { kind: "again" };
}

/**
 * The same call may have run beside this one and opened its session before ours were listed: that session must not
 * be taken for an older one. As long as the code is unused, no session in the list is from it.
 */
async function isStillOpen(deps: Deps, record: OtpRecord): Promise<boolean> {
  const now = await deps.otps.get(record.phoneHash);
  return now?.status === "pending" && now.otpMac === record.otpMac;
}

async function repeatLogin(deps: Deps, attempt: Attempt, record: OtpRecord): Promise<Step> {
  const sessionId = record.verifiedSessionId;
  const session = sessionId === null ? undefined : await deps.sessions.getSession(sessionId);
  const nowMs = deps.clock.nowMs();
  if (session === undefined || session.expiresAtMs <= nowMs) {
    throw await failed(deps, attempt, "session_ended");
  }
  const [user] = await deps.users.getUsers([session.userId]);
  if (user === undefined) throw await failed(deps, attempt, "session_ended");
  const minted = await mintTokens(deps, user.userId, session.sessionId);
  const { kept, pushedOut } = withLiveToken(session.liveTokens, minted.live, nowMs);
  await revokeTokens(deps, pushedOut);
  // The first answer's refresh token is forgotten rather than remembered as used: should that answer arrive late
  // after all, its token is merely invalid and does not cost the session.
  const rotated = await deps.sessions.rotateTokens({
    sessionId: session.sessionId,
    expectedHash: session.refreshTokenHash,
    refreshTokenHash: minted.refreshTokenHash,
    previousTokenHash: null,
    liveTokens: kept,
    nowMs,
  });
  if (!rotated) return { kind: "again" };
  recordVerified(deps, attempt, session, "repeated");
  return { kind: "done", answer: answerOf(user, { session, minted }, record.wasNewUser ?? false) };
}

async function findUser(
  deps: Deps,
  attempt: Attempt,
  takenBy: UserId | undefined,
): Promise<User | undefined> {
  const [user] =
    takenBy === undefined
      ? await deps.users.findByPhone([attempt.phoneNumber])
      : await deps.users.getUsers([takenBy]);
  return user;
}

function newUser(deps: Deps, phoneNumber: string): User {
  const nowMs = deps.clock.nowMs();
  const userId = deps.ids.userId();
  return { userId, phoneNumber, displayName: null, createdAtMs: nowMs, updatedAtMs: nowMs };
}

function noRecord(attempt: Attempt): { readonly phoneHash: string; readonly expiresAtMs: number } {
  return { phoneHash: attempt.phoneHash, expiresAtMs: 0 };
}

function answerOf(
  user: User,
  opened: { readonly session: Session; readonly minted: MintedTokens },
  isNewUser: boolean,
): Answer {
  return {
    user: {
      userId: user.userId,
      phoneNumber: user.phoneNumber,
      displayName: user.displayName ?? undefined,
      createdAt: isoTime(user.createdAtMs),
    },
    session: sessionFields(opened.session),
    tokens: opened.minted.tokens,
    isNewUser,
  };
}

async function tellEnded(deps: Deps, attempt: Attempt, ended: EndedByLogin): Promise<void> {
  const { info, deviceId } = attempt;
  for (const session of [...ended.replaced, ...ended.evicted]) {
    const isReplaced = session.deviceId === deviceId;
    deps.audit.record({
      type: isReplaced ? "session.replaced" : "session.revoked",
      outcome: "success",
      reason: isReplaced ? "device_replaced" : "session_limit",
      actor: { ...auditActor(info), type: "user", userId: session.userId },
      target: { type: "session", resourceId: session.sessionId },
      ...auditContext(info),
      details: {},
    });
  }
  const userId = [...ended.replaced, ...ended.evicted][0]?.userId;
  if (userId === undefined) return;
  if (ended.replaced.length > 0) await announceEnded(deps, userId, ended.replaced, "device_replaced");
  if (ended.evicted.length > 0) await announceEnded(deps, userId, ended.evicted, "session_limit");
}

function recordLogin(deps: Deps, attempt: Attempt, session: Session, isNewUser: boolean): void {
  recordVerified(deps, attempt, session, isNewUser ? "new_user" : null);
  deps.audit.record({
    type: "session.created",
    outcome: "success",
    reason: null,
    actor: { ...auditActor(attempt.info), type: "user", userId: session.userId },
    target: { type: "session", resourceId: session.sessionId },
    ...auditContext(attempt.info),
    details: {},
  });
}

function recordVerified(deps: Deps, attempt: Attempt, session: Session, reason: string | null): void {
  deps.audit.record({
    type: "auth.otp_verified",
    outcome: "success",
    reason,
    actor: { ...auditActor(attempt.info), type: "user", userId: session.userId },
    target: { type: "phone", resourceId: attempt.phoneHash },
    ...auditContext(attempt.info),
    sessionId: session.sessionId,
    details: {},
  });
}

/** Keeps the attempt as failed. @returns what to throw: one answer for every cause */
async function failed(deps: Deps, attempt: Attempt, reason: string): Promise<TriplaneError> {
  const { failures } = deps.settings.limits.otp;
  const remaining = await keepFailedAttempt(deps, attempt.phoneHash);
  deps.audit.record({
    type: "auth.otp_failed",
    outcome: "failure",
    reason,
    actor: auditActor(attempt.info),
    target: { type: "phone", resourceId: attempt.phoneHash },
    ...auditContext(attempt.info),
    details: { attempt_number: failures - remaining, remaining_attempts: remaining },
  });
  return new TriplaneError("INVALID_OTP", "The code is wrong or no longer valid");
}
