/** Goal: days are named as people name them. Method: times around midnight and a year, on the local calendar. */
import { expect, test } from "bun:test";
import { dayText, startOfDay } from "./time-text.ts";

const at = (year: number, month: number, day: number, hour = 12): number =>
  new Date(year, month - 1, day, hour).getTime();
const now = at(2026, 3, 4, 0);

test.each([
  ["this very day", at(2026, 3, 4, 0), "Today"],
  ["an hour ago, before midnight", at(2026, 3, 3, 23), "Yesterday"],
  ["the start of yesterday", at(2026, 3, 3, 0), "Yesterday"],
])("%s is %s", (_, time, text) => {
  expect(dayText(time, now)).toBe(text);
});

test("a week back there is a weekday, beyond it a date, beyond the year a date with its year", () => {
  const names = [at(2026, 3, 2), at(2026, 2, 20), at(2025, 12, 31)].map((time) => dayText(time, now));
  expect(names[0]).not.toMatch(/[0-9]/);
  expect(names[1]).toMatch(/20/);
  expect(names[1]).not.toMatch(/2026/);
  expect(names[2]).toMatch(/2025/);
});

test("two times of one day have one start", () => {
  expect(startOfDay(at(2026, 3, 4, 23))).toBe(startOfDay(at(2026, 3, 4, 1)));
  expect(startOfDay(at(2026, 3, 4, 0))).not.toBe(startOfDay(at(2026, 3, 3, 23)));
});
