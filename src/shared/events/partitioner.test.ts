/** Known answers of the partitioner: a differing producer would break the order of every chat. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bucketOf, cachedPartitioner, computePartition, murmur2 } from "./partitioner.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("murmur2, against the signed values of Kafka's own unit tests (UtilsTest.testMurmur2)", () => {
  test.each([
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ])("%s hashes to %d", (text, signed) => {
    expect(murmur2(bytes(text)) | 0).toBe(signed);
  });
});

describe("reference vectors of the contract", () => {
  test.each([
    ["chat_abc123", 0x5333e856, 2134, 22, 86, 6, 6],
    ["chat_xyz789", 0xa2a1a1ea, 490, 42, 106, 10, 2],
    ["chat_000001", 0x1b4ae8ed, 2285, 45, 109, 13, 5],
    ["chat_测试", 0x8eb3561f, 1567, 31, 31, 15, 7],
    ["", 0x106e08d9, 2265, 25, 89, 9, 1],
    ["a", 0xa2d0b27c, 636, 60, 124, 12, 4],
    [`chat_${"x".repeat(1000)}`, 0xeba4f520, 1312, 32, 32, 0, 0],
    ["chat_🎉🎊", 0x6f8d412d, 301, 45, 45, 13, 5],
  ])("%s", (chatId, hash, bucket, p64, p128, p16, p8) => {
    expect(murmur2(bytes(chatId))).toBe(hash);
    expect(bucketOf(chatId)).toBe(bucket);
    const partitions = [64, 128, 16, 8].map((count) => computePartition(chatId, count));
    expect(partitions).toEqual([p64, p128, p16, p8]);
  });
});

test("bucket_stability: the bucket does not depend on the partition count", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.constantFrom(8, 16, 64, 128), (chatId, count) => {
      expect(computePartition(chatId, count)).toBe(bucketOf(chatId) % count);
    }),
  );
});

test("partition_determinism: the cached partitioner answers as the plain one, also after it forgot", () => {
  const cached = cachedPartitioner(3);
  const chats = ["chat_a", "chat_b", "chat_c", "chat_d", "chat_a", "chat_b"];
  expect(chats.map((chat) => cached(chat, 64))).toEqual(chats.map((chat) => computePartition(chat, 64)));
});

test("a view into a larger buffer hashes only its own bytes", () => {
  const whole = bytes("__foobar__");
  expect(murmur2(whole.subarray(2, 8))).toBe(murmur2(bytes("foobar")));
});
