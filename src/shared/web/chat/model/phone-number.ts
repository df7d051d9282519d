/** E.164: a plus sign, a country code, at most 15 digits. */
const e164 = /^\+[1-9][0-9]{6,14}$/;

export type PhoneReading =
  | { readonly ok: true; readonly number: string }
  | { readonly ok: false; readonly hint: string };

/**
 * Reads a number as people write it: `+49 (170) 123-45.67` and `0049 170 1234567` are the same. Never guesses a
 * country: a number without its code is refused with a hint.
 */
export function readPhoneNumber(text: string): PhoneReading {
  const compact = text
    .normalize("NFKC")
    .replace(/\(0\)/g, "")
    .replace(/[\s().\-\u2010-\u2015/]/g, "")
    .replace(/^00/, "+");
  if (compact === "") return { ok: false, hint: "Enter a phone number." };
  if (!/^\+?[0-9]+$/.test(compact)) return { ok: false, hint: "A phone number holds digits only." };
  if (!compact.startsWith("+")) {
    return { ok: false, hint: "Begin with + and the country code, for example +1 or +44." };
  }
  if (compact.startsWith("+0")) return { ok: false, hint: "No country code begins with 0." };
  if (compact.length > 16) return { ok: false, hint: "That is too long: a number has 15 digits at most." };
  return e164.test(compact)
    ? { ok: true, number: compact }
    : { ok: false, hint: "That is too short for a number with its country code." };
}
