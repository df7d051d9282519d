/** Goal: numbers are read as people write them, and never guessed. Method: tables of both. */
import { expect, test } from "bun:test";
import { readPhoneNumber } from "./phone-number.ts";

test.each([
  ["+14155550100", "+14155550100"],
  ["+1 (415) 555-0100", "+14155550100"],
  ["0044 20 7946 0018", "+442079460018"],
  ["+49 (0)170 123.45.67", "+491701234567"],
  ["＋４９ １７０ １２３４５６７", "+491701234567"],
  ["  +33 1 23 45 67 89  ", "+33123456789"],
])("%j is %s", (text, number) => {
  expect(readPhoneNumber(text)).toEqual({ ok: true, number });
});

test.each([
  ["", "Enter a phone number."],
  ["0171 1234567", "Begin with + and the country code"],
  ["+0123456789", "No country code begins with 0."],
  ["+1 415 CALL NOW", "digits only"],
  ["+12345", "too short"],
  ["+1234567890123456", "too long"],
  ["+1+2345678", "digits only"],
])("%j is refused with a hint", (text, hint) => {
  const reading = readPhoneNumber(text);
  expect(reading).toEqual({ ok: false, hint: expect.stringContaining(hint) });
});
