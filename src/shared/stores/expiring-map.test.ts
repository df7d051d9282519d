/** Goal: entries end on time and the map never outgrows its capacity. Method: given times, no clock. */
import { expect, test } from "bun:test";
import { ExpiringMap } from "./expiring-map.ts";

test("an entry lives until the instant it expires", () => {
  const map = new ExpiringMap<string, number>(10);
  map.set("a", 1, 100, 0);
  expect(map.get("a", 99)).toBe(1);
  expect(map.get("a", 100)).toBeUndefined();
  expect(map.size).toBe(0);
});

test("a full map drops expired entries before live ones", () => {
  const map = new ExpiringMap<string, number>(3);
  map.set("live-old", 1, 1000, 0);
  map.set("expired", 2, 10, 0);
  map.set("live-new", 3, 1000, 0);
  map.set("another", 4, 1000, 20);
  expect(map.size).toBe(3);
  expect(map.get("live-old", 20)).toBe(1);
});

test("a full map of live entries drops the one set longest ago", () => {
  const map = new ExpiringMap<string, number>(3);
  for (const key of ["a", "b", "c"]) map.set(key, 0, 1000, 0);
  map.set("a", 1, 1000, 1);
  map.set("d", 2, 1000, 2);
  expect(["a", "b", "c", "d"].filter((key) => map.get(key, 3) !== undefined)).toEqual(["a", "c", "d"]);
});

test("expired entries go while others come, without a timer and without being read", () => {
  const map = new ExpiringMap<number, number>(1_000_000);
  for (let key = 0; key < 1000; key += 1) map.set(key, key, 10, 0);
  for (let key = 1000; key < 3000; key += 1) map.set(key, key, 10_000, 20);
  expect(map.size).toBe(2000);
});

test("never holds more than its capacity", () => {
  const map = new ExpiringMap<number, number>(50);
  for (let key = 0; key < 10_000; key += 1) {
    map.set(key, key, key + 1 + ((key * 7) % 300), key);
    expect(map.size).toBeLessThanOrEqual(50);
  }
});

test.each([0, -1, 1.5])("capacity %p is refused", (capacity) => {
  expect(() => new ExpiringMap(capacity)).toThrow(RangeError);
});
