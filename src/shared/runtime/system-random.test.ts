/** Goal: the secure source fills every byte asked for and stays within its range. Method: draw and look. */
import { expect, test } from "bun:test";
import { systemRandom } from "./system-random.ts";

test.each([0, 1, 16, 65_536, 65_537, 200_000])("fills %d bytes", (length) => {
  const bytes = systemRandom.bytes(length);
  expect(bytes.length).toBe(length);
  // 64 zero bytes at the end by chance: 2^-512.
  if (length >= 64) expect(bytes.subarray(length - 64).some((byte) => byte !== 0)).toBe(true);
});

test("floats lie in [0, 1) and differ", () => {
  const floats = Array.from({ length: 1000 }, () => systemRandom.float());
  expect(floats.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(new Set(floats).size).toBe(1000);
});
