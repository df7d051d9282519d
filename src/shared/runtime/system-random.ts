/** The machine's cryptographically secure randomness: the one place of the product that draws from it. */
import type { Random } from "../domain/random.ts";

/** What one system call may fill (Web Cryptography, getRandomValues). */
const fillBytesMax = 65_536;
/** Drawn ahead for small requests: ids need sixteen floats each, a call apiece would cost more than the rest of them. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** Bytes of the pool, each handed out once and erased. */
function drawn(length: number): Uint8Array {
  if (used + length > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
}

export const systemRandom: Random = {
  bytes: (length) => {
    if (length <= 64) return drawn(length);
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += fillBytesMax) {
      crypto.getRandomValues(bytes.subarray(start, start + fillBytesMax));
    }
    return bytes;
  },
  float: () => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0] = drawn(7);
    // 53 bits: all that a double in [0, 1) can tell apart.
    const high = (a << 16) | (b << 8) | c;
    const low = ((d & 0x1f) << 24) | (e << 16) | (f << 8) | g;
    return (high * 2 ** 29 + low) / 2 ** 53;
  },
};
