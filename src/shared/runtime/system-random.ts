/** The machine's cryptographically secure randomness: the one place of the product that draws from it. */
import type { Random } from "../domain/random.ts";

/** What one system call may fill (Web Cryptography, getRandomValues). */
const fillBytesMax = 65_536;
/** Drawn ahead for small requests: ids need sixteen floats each, a call apiece would cost more than the rest of them. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** Reserves bytes of the pool, each handed out once. @returns where they start */
function take(length: number): number {
  if (used + length > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const at = used;
  used += length;
  return at;
}

function byte(at: number): number {
  return pool[at] ?? 0;
}

export const systemRandom: Random = {
  bytes: (length) => {
    if (length <= 64) {
      const at = take(length);
      const drawn = pool.slice(at, at + length);
      pool.fill(0, at, at + length);
      return drawn;
    }
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += fillBytesMax) {
      crypto.getRandomValues(bytes.subarray(start, start + fillBytesMax));
    }
    return bytes;
  },
  float: () => {
    // 53 bits, all that a double in [0, 1) can tell apart, read in place: this is drawn sixteen times per id.
    const at = take(7);
    const high = (byte(at) << 16) | (byte(at + 1) << 8) | byte(at + 2);
    const low = ((byte(at + 3) & 0x1f) << 24) | (byte(at + 4) << 16) | (byte(at + 5) << 8) | byte(at + 6);
    pool.fill(0, at, at + 7);
    return (high * 2 ** 29 + low) / 2 ** 53;
  },
};
