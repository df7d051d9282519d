/** The machine's cryptographically secure randomness: the one place of the product that draws from it. */
import type { Random } from "../domain/random.ts";

/** What one system call may fill (Web Cryptography, getRandomValues). */
const fillBytesMax = 65_536;

export const systemRandom: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    for (let start = 0; start < length; start += fillBytesMax) {
      crypto.getRandomValues(bytes.subarray(start, start + fillBytesMax));
    }
    return bytes;
  },
  float: () => {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    // 53 bits: all that a double in [0, 1) can tell apart.
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  },
};
