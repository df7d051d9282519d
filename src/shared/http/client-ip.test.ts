import { expect, test } from "bun:test";
import { clientIp, ipKey, ipNetwork } from "./client-ip.ts";

test.each([
  ["no proxy is trusted", 0, "198.51.100.1", "192.0.2.7"],
  ["the load balancer's entry", 1, "203.0.113.9, 198.51.100.1", "198.51.100.1"],
  ["the entry before the second proxy", 2, "203.0.113.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"],
  ["fewer entries than hops", 2, "203.0.113.9", "192.0.2.7"],
  ["no header", 1, undefined, "192.0.2.7"],
  ["an entry that is no address", 1, "203.0.113.9, unknown", "192.0.2.7"],
  ["an IPv6 entry", 1, "2001:db8::1", "2001:db8::1"],
  ["an IPv4 address in IPv6 form", 1, "::ffff:198.51.100.1", "198.51.100.1"],
])("%s", (_, hops, forwarded, expected) => {
  const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
  expect(clientIp("::ffff:192.0.2.7", headers, hops)).toBe(expected);
});

test.each([
  ["192.0.2.7", "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["", ""],
])("%p is limited as %s", (ip, network) => {
  expect(ipNetwork(ip)).toBe(network);
});

test("a key never holds the address, and is one per network", () => {
  expect(ipKey("192.0.2.7")).toMatch(/^[0-9a-f]{64}$/);
  expect(ipKey("192.0.2.7")).toBe(ipKey("192.0.2.200"));
  expect(ipKey("192.0.2.7")).not.toBe(ipKey("192.0.3.7"));
});
