/** Times as people read them, in the browser's language and zone. */

const clockTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long" });
const fullDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const dayMs = 86_400_000;

export function timeOfDay(timeMs: number): string {
  return clockTime.format(timeMs);
}

export function exactTime(timeMs: number): string {
  return dayAndTime.format(timeMs);
}

/** Midnight at the start of the local day: equal for two times of one day. */
export function startOfDay(timeMs: number): number {
  return new Date(timeMs).setHours(0, 0, 0, 0);
}

/** `Today`, `Yesterday`, a weekday of this week, or a date. */
export function dayText(timeMs: number, nowMs: number): string {
  const days = daysBetween(timeMs, nowMs);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return weekday.format(timeMs);
  const isThisYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? dayOfYear : fullDay).format(timeMs);
}

/** For the chat list: the time today, else the day in short. */
export function shortTime(timeMs: number, nowMs: number): string {
  const days = daysBetween(timeMs, nowMs);
  if (days === 0) return timeOfDay(timeMs);
  return days === 1 ? "Yesterday" : shortDay.format(timeMs);
}

/** Rounded, since days of 23 and 25 hours exist. */
function daysBetween(timeMs: number, nowMs: number): number {
  return Math.round((startOfDay(nowMs) - startOfDay(timeMs)) / dayMs);
}
