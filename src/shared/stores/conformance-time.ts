/** Time as a conformance suite sees it: a virtual clock for memory and embedded stores, real waiting for remote ones. */
export interface ConformanceTime {
  /** Wall time of the store under test; ms since the Unix epoch. */
  nowMs(): number;
  /** Lets this much of the store's time pass. */
  advance(ms: number): Promise<void>;
}
