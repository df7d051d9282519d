/**
 * Which partition a chat's events go to: 32-bit MurmurHash2 in Kafka's Java variant over the UTF-8 chat id, into
 * 4096 buckets, buckets over partitions (ADR-011 §2). Every producer computes this itself: the default
 * partitioners of client libraries differ.
 */

/** Fixed for ever. */
export const bucketCount = 4096;

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
const utf8 = new TextEncoder();

/** @returns the hash as an unsigned 32-bit integer */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const tail = length & ~3;
  let h = seed ^ length;
  for (let i = 0; i < tail; i += 4) {
    let k = Math.imul(view.getUint32(i, true), multiplier);
    k = Math.imul(k ^ (k >>> 24), multiplier);
    h = Math.imul(h, multiplier) ^ k;
  }
  if (length > tail) {
    for (let i = length - 1; i >= tail; i -= 1) h ^= (bytes[i] ?? 0) << (8 * (i - tail));
    h = Math.imul(h, multiplier);
  }
  h = Math.imul(h ^ (h >>> 13), multiplier);
  return (h ^ (h >>> 15)) >>> 0;
}

/** 0 … 4095; the text is hashed as it is, without normalisation or case folding. */
export function bucketOf(chatId: string): number {
  // The mask is Kafka's toPositive; an absolute value would differ.
  return (murmur2(utf8.encode(chatId)) & 0x7fff_ffff) % bucketCount;
}

export function computePartition(chatId: string, partitionCount: number): number {
  return bucketOf(chatId) % partitionCount;
}

/** `computePartition` that remembers the buckets of up to `chatsMax` chats, for hot paths. */
export function cachedPartitioner(chatsMax: number): (chatId: string, partitionCount: number) => number {
  const buckets = new Map<string, number>();
  return (chatId, partitionCount) => {
    let bucket = buckets.get(chatId);
    if (bucket === undefined) {
      bucket = bucketOf(chatId);
      if (buckets.size >= chatsMax) buckets.clear();
      buckets.set(chatId, bucket);
    }
    return bucket % partitionCount;
  };
}
