/** Goal: a token's end is read from any JWT, and nothing else is mistaken for one. Method: known answers. */
import { expect, test } from "bun:test";
import { readTokenTimes } from "./token-times.ts";

const encode = (payload: unknown): string =>
  `header.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.signature`;

test("reads exp and iat in milliseconds", () => {
  expect(readTokenTimes(encode({ exp: 1_769_857_200, iat: 1_769_853_600, sub: "ü?>" }))).toEqual({
    expiresAtMs: 1_769_857_200_000,
    issuedAtMs: 1_769_853_600_000,
  });
});

test("a token without iat has no beginning", () => {
  expect(readTokenTimes(encode({ exp: 5 }))).toEqual({ expiresAtMs: 5000, issuedAtMs: undefined });
});

test.each(["", "opaque", "a.b.c", encode({}), encode({ exp: "5" }), encode(null), "a.%%%.c"])(
  "%j is no such token",
  (token) => {
    expect(readTokenTimes(token)).toBeUndefined();
  },
);
