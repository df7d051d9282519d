import { createHash } from "node:crypto";

/** SHA-256 of the E.164 number with its plus sign, lower-case hex: the only form in which a phone number becomes a key or a log field. */
export function phoneHash(phoneNumber: string): string {
  return createHash("sha256").update(phoneNumber, "utf8").digest("hex");
}
