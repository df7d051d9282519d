/**
 * Port: one-time codes. Holds no phone number and no plain code. Consuming a code and opening the session is
 * one transaction: `otp_consumption_atomic`.
 */
import type { DeviceId, SessionId, UserId } from "../domain/ids.ts";
import type { Session } from "./session-store.ts";
import type { User } from "./user-store.ts";

export interface OtpRecord {
  /** SHA-256 of the E.164 number, lower-case hex. */
  readonly phoneHash: string;
  /** HMAC-SHA256 under the pepper, hex. */
  readonly otpMac: string;
  /** The code under the cipher key, base64; only for re-sending the same code. */
  readonly otpCiphertext: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** Failed attempts, 0-5. */
  readonly attemptCount: number;
  readonly status: "pending" | "verified" | "expired";
  /** Set at verification, for the retry path. */
  readonly verifiedSessionId: SessionId | null;
  readonly verifiedDeviceId: DeviceId | null;
  readonly wasNewUser: boolean | null;
}

export type NewOtp = Pick<
  OtpRecord,
  "phoneHash" | "otpMac" | "otpCiphertext" | "createdAtMs" | "expiresAtMs"
>;

export interface OtpConsumption {
  readonly phoneHash: string;
  readonly otpMac: string;
  readonly nowMs: number;
  readonly attemptsMax: number;
  /** Present when the number is believed unregistered: created together with its phone sentinel. */
  readonly newUser: User | undefined;
  readonly session: Session;
  /** Sessions that this login replaces or evicts; deleted in the same transaction. */
  readonly replacedSessionIds: readonly SessionId[];
}

export type ConsumeOutcome =
  | { readonly kind: "consumed" }
  /** Not pending, expired, exhausted or another code: nothing changed. */
  | { readonly kind: "refused" }
  /** The number was registered a moment ago by this user: nothing changed. */
  | { readonly kind: "phone_taken"; readonly userId: UserId };

export interface OtpStore {
  /** Strong. */
  get(phoneHash: string): Promise<OtpRecord | undefined>;
  /**
   * Stores a new code, unless an active one exists (pending, unexpired, fewer than `attemptsMax` failures):
   * @returns the record that holds now, and whether it is the new one.
   */
  put(otp: NewOtp, attemptsMax: number): Promise<{ readonly stored: boolean; readonly record: OtpRecord }>;
  /** Counts a failed attempt, never above `attemptsMax`. @returns the count after it; undefined when there is no record. */
  countFailure(phoneHash: string, attemptsMax: number): Promise<number | undefined>;
  consume(consumption: OtpConsumption): Promise<ConsumeOutcome>;
  /** Deletes up to `limit` records that expired before `beforeMs`. @returns how many. */
  expire(beforeMs: number, limit: number): Promise<number>;
}
