/** Randomness as a dependency: the production source is cryptographically secure, the simulation's is seeded. */
export interface Random {
  /** `length` uniform bytes. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  float(): number;
}

/** Uniform integer in [0, bound), without modulo bias. @throws {RangeError} bound outside 1 … 2^32 */
export function randomInteger(random: Random, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`bound ${bound} must be an integer from 1 to 4294967296`);
  }
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    const [a = 0, b = 0, c = 0, d = 0] = random.bytes(4);
    const value = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
    if (value < limit) return value % bound;
  }
}

/** Full jitter: uniform in [0, min(capMs, baseMs * 2^attempt)], attempt counted from 0. */
export function fullJitterMs(random: Random, attempt: number, baseMs: number, capMs: number): number {
  return random.float() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 52));
}
