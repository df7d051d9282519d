/** The edges lower a limit that is too high and refuse one below 1; this fills in the default and keeps the bound. */
export function pageLimit(requested: number | undefined, byDefault: number, max: number): number {
  return Math.max(1, Math.min(requested ?? byDefault, max));
}
