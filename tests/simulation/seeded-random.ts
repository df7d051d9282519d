/** Randomness that repeats from its seed, for simulations and property tests. Never for secrets. */
import type { Random } from "../../src/shared/domain/random.ts";

/** Mulberry32: 32 bits of state, one multiplication chain per draw. The same seed gives the same draws for ever. */
export class SeededRandom implements Random {
  readonly seed: number;
  #state: number;

  /** @param seed integer from 0 to 2^32 - 1; print it when a test fails. */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
      throw new RangeError(`seed ${seed} must be an integer from 0 to 4294967295`);
    }
    this.seed = seed;
    this.#state = seed;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index += 4) {
      const word = this.#next();
      for (let byte = 0; byte < 4 && index + byte < length; byte += 1) {
        bytes[index + byte] = (word >>> (8 * byte)) & 0xff;
      }
    }
    return bytes;
  }

  float(): number {
    return this.#next() / 2 ** 32;
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** Uniform integer in [min, max]. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** A generator of its own, so that what draws from it disturbs nobody else's draws. */
  fork(): SeededRandom {
    return new SeededRandom(this.#next());
  }

  /** One of the items. @throws {RangeError} an empty list */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("cannot pick from an empty list");
    return items[this.below(items.length)] as T;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let word = this.#state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  }
}
