/** One-time codes: six uniform digits, stored as a keyed hash and as a ciphertext, never as they are. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { isoTime } from "../shared/domain/clock.ts";
import { type Random, randomInteger } from "../shared/domain/random.ts";
import type { OtpCipher } from "./otp-cipher.ts";

export interface OtpCodesOptions {
  /** 32 secret bytes: without them a leaked record of one in a million codes is worthless. */
  readonly pepper: Uint8Array;
  readonly cipher: OtpCipher;
  readonly random: Random;
  /** The code that everybody gets, for local tests; undefined = a random one. */
  readonly fixedCode: string | undefined;
}

/** What a code is bound to. */
export interface OtpBinding {
  readonly phoneHash: string;
  readonly expiresAtMs: number;
}

const codes = 1_000_000;
const digits = 6;

export class OtpCodes {
  readonly #options: OtpCodesOptions;

  /** @throws {RangeError} when the pepper is not 32 bytes: there is no default */
  constructor(options: OtpCodesOptions) {
    if (options.pepper.length !== 32) {
      throw new RangeError(`pepper has ${options.pepper.length} bytes, 32 are needed`);
    }
    this.#options = options;
  }

  /** 000000-999999, every one equally likely. */
  generate(): string {
    const { fixedCode, random } = this.#options;
    return fixedCode ?? String(randomInteger(random, codes)).padStart(digits, "0");
  }

  /** HMAC-SHA256 of code, phone hash and expiry (all of fixed width, so no separator), hex. */
  mac(otp: string, binding: OtpBinding): string {
    return createHmac("sha256", this.#options.pepper)
      .update(`${otp}${binding.phoneHash}${isoTime(binding.expiresAtMs)}`, "utf8")
      .digest("hex");
  }

  /** In constant time. */
  matches(otp: string, binding: OtpBinding, storedMac: string): boolean {
    const given = Buffer.from(this.mac(otp, binding), "utf8");
    const stored = Buffer.from(storedMac, "utf8");
    return given.length === stored.length && timingSafeEqual(given, stored);
  }

  encrypt(otp: string, binding: OtpBinding): Promise<string> {
    return this.#options.cipher.encrypt(otp, contextOf(binding));
  }

  decrypt(ciphertext: string, binding: OtpBinding): Promise<string> {
    return this.#options.cipher.decrypt(ciphertext, contextOf(binding));
  }
}

function contextOf(binding: OtpBinding): string {
  return `${binding.phoneHash} ${isoTime(binding.expiresAtMs)}`;
}
