/**
 * Goal: only our own, current, untampered tokens pass, at the times of the injected clock; keys can rotate.
 * Method: tokens signed by hand with every single part wrong; a key source that changes under the ring.
 */
import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { exportSPKI, importJWK, type JWTHeaderParameters, SignJWT, UnsecuredJWT } from "jose";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { TriplaneError } from "../domain/errors.ts";
import type { SessionId, UserId } from "../domain/ids.ts";
import { JoseAccessTokens } from "./access-tokens.jose.ts";
import { generateKeySet } from "./key-files.ts";
import { KeyRing } from "./key-ring.ts";
import { type KeySet, publicKeySet } from "./key-set.ts";

let keysA: KeySet;
let keysB: KeySet;
let clock: VirtualClock;
let source: { set: KeySet; reads: number; down: boolean };
let ring: KeyRing;
let tokens: JoseAccessTokens;
let failedReloads: number;

beforeAll(async () => {
  [keysA, keysB] = await Promise.all([generateKeySet(), generateKeySet()]);
});

beforeEach(async () => {
  clock = new VirtualClock();
  source = { set: keysA, reads: 0, down: false };
  failedReloads = 0;
  ring = await openRing();
  tokens = new JoseAccessTokens({ keys: ring, clock, cachedTokensMax: 100 });
});

function openRing(): Promise<KeyRing> {
  return KeyRing.open({
    source: async () => {
      source.reads += 1;
      if (source.down) throw new Error("the parameter store is down");
      return source.set;
    },
    clock,
    onReloadFailed: () => {
      failedReloads += 1;
    },
  });
}

function nowSeconds(): number {
  return Math.floor(clock.nowMs() / 1000);
}

const ids = { sub: "user_01A" as UserId, sid: "sess_01A" as SessionId, jti: "01JTI" };

function sign(lifeSeconds = 3600): Promise<string> {
  return tokens.sign({ ...ids, iat: nowSeconds(), exp: nowSeconds() + lifeSeconds });
}

async function forge(
  claims: Record<string, unknown>,
  header: Partial<JWTHeaderParameters> = {},
  keys: KeySet = keysA,
): Promise<string> {
  const [key] = keys.keys;
  const base = { iss: "messaging-platform", aud: "messaging-api", iat: nowSeconds(), exp: nowSeconds() + 60 };
  const payload = Object.entries({ ...base, ...ids, ...claims }).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(payload))
    .setProtectedHeader({ alg: "RS256", kid: keysA.currentKeyId, ...header })
    .sign(await importJWK({ ...key?.jwk, alg: header.alg ?? "RS256" }, header.alg ?? "RS256"));
}

async function reasonOf(token: string, allowExpired = false): Promise<unknown> {
  try {
    await tokens.verify(token, { allowExpired });
  } catch (error) {
    if (error instanceof TriplaneError && error.code === "UNAUTHORIZED") return error.details?.["reason"];
    throw error;
  }
  return "accepted";
}

describe("access tokens", () => {
  test("a token of ours is accepted and says who it is", async () => {
    const token = await sign();
    const verified = await tokens.verify(token, { allowExpired: false });
    expect(verified).toEqual({
      userId: ids.sub,
      sessionId: ids.sid,
      tokenId: ids.jti,
      expiresAtMs: (nowSeconds() + 3600) * 1000,
      expired: false,
    });
    const [, payload = ""] = token.split(".");
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({ scope: "messaging" });
  });

  test.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "somebody" }],
    ["another audience", { aud: "other-api" }],
    ["no subject", { sub: undefined }],
    ["a subject that is no user", { sub: "chat_01A" }],
    ["no session", { sid: undefined }],
    ["a session that is none", { sid: 7 }],
    ["no token id", { jti: undefined }],
    ["an empty token id", { jti: "" }],
    ["no expiry", { exp: undefined }],
    ["no issue time", { iat: undefined }],
    ["an expiry that is a text", { exp: "tomorrow" }],
  ])("%s is token_invalid", async (_name, claims) => {
    expect(await reasonOf(await forge(claims))).toBe("token_invalid");
  });

  test("times: 0 s of leeway on exp, 5 s on iat and nbf", async () => {
    const now = nowSeconds();
    expect(await reasonOf(await forge({ iat: now + 5 }))).toBe("accepted");
    expect(await reasonOf(await forge({ iat: now + 6 }))).toBe("token_invalid");
    expect(await reasonOf(await forge({ nbf: now + 5 }))).toBe("accepted");
    expect(await reasonOf(await forge({ nbf: now + 6 }))).toBe("token_invalid");
    expect(await reasonOf(await forge({ exp: now + 1 }))).toBe("accepted");
    expect(await reasonOf(await forge({ exp: now }))).toBe("token_expired");
  });

  test("an expired token says since when; refreshing waives exp and nothing else", async () => {
    const token = await sign(10);
    await clock.advance(10_000);
    const error = await tokens.verify(token, { allowExpired: false }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      details: { reason: "token_expired", expired_at: new Date(clock.nowMs()).toISOString() },
    });
    expect(await tokens.verify(token, { allowExpired: true })).toMatchObject({ expired: true });
    for (const claims of [{ iss: "x" }, { aud: "x" }, { iat: nowSeconds() + 60 }, { sid: undefined }]) {
      expect(await reasonOf(await forge({ exp: 1, ...claims }), true)).toBe("token_invalid");
    }
    expect(await reasonOf(await forge({ exp: 1 }, {}, keysB), true)).toBe("token_invalid");
  });

  test("algorithm pinning: none, HS256 with the public key as secret, RS512, PS256", async () => {
    const claims = { iss: "messaging-platform", aud: "messaging-api", ...ids };
    const unsecured = new UnsecuredJWT(claims).setIssuedAt(nowSeconds()).setExpirationTime(nowSeconds() + 60);
    expect(await reasonOf(unsecured.encode())).toBe("token_invalid");
    const [publicKey] = publicKeySet(keysA).keys;
    const spki = await exportSPKI((await importJWK(publicKey?.jwk ?? {}, "RS256")) as CryptoKey);
    const symmetric = await new SignJWT({ ...claims, iat: nowSeconds(), exp: nowSeconds() + 60 })
      .setProtectedHeader({ alg: "HS256", kid: keysA.currentKeyId })
      .sign(new TextEncoder().encode(spki));
    expect(await reasonOf(symmetric)).toBe("token_invalid");
    for (const alg of ["RS512", "PS256"])
      expect(await reasonOf(await forge({}, { alg }))).toBe("token_invalid");
  });

  test("another key under our key id, no key id, garbage, and a text beyond the limit", async () => {
    expect(await reasonOf(await forge({}, {}, keysB))).toBe("token_invalid");
    expect(await reasonOf(await forge({}, { kid: "" }))).toBe("token_invalid");
    for (const text of ["", "a.b.c", "x".repeat(5000)]) expect(await reasonOf(text)).toBe("token_invalid");
  });

  test("a change of any single character of the signed part or the signature is refused", async () => {
    const token = await sign();
    for (let index = 0; index < token.length - 1; index += 29) {
      const other = token[index] === "A" ? "B" : "A";
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect(await reasonOf(changed)).toBe("token_invalid");
    }
  });

  test("a verified token is remembered until it expires, and at most so many", async () => {
    const small = new JoseAccessTokens({ keys: ring, clock, cachedTokensMax: 2 });
    const token = await sign(10);
    const first = await small.verify(token, { allowExpired: false });
    expect(await small.verify(token, { allowExpired: false })).toBe(first);
    await clock.advance(10_000);
    expect(await small.verify(token, { allowExpired: false }).catch((error) => error.details.reason)).toBe(
      "token_expired",
    );
    const [one, two, three] = await Promise.all([sign(1), sign(2), sign(3)]);
    const firstOne = await small.verify(one, { allowExpired: false });
    await small.verify(two, { allowExpired: false });
    await small.verify(three, { allowExpired: false });
    expect(await small.verify(one, { allowExpired: false })).not.toBe(firstOne);
  });
});

describe("key ring", () => {
  test("AUTH-14 rotation: both keys verify, only the new one signs; a removed key is forgotten, cached tokens too", async () => {
    const byA = await sign();
    source.set = { currentKeyId: keysB.currentKeyId, keys: [...keysB.keys, ...keysA.keys] };
    await ring.reload();
    const byB = await sign();
    expect(ring.signing?.keyId).toBe(keysB.currentKeyId);
    expect([await reasonOf(byA), await reasonOf(byB)]).toEqual(["accepted", "accepted"]);
    source.set = keysB;
    await ring.reload();
    expect([await reasonOf(byA), await reasonOf(byB)]).toEqual(["token_invalid", "accepted"]);
  });

  test("AUTH-14 an unknown key id causes one reload, then none for 30 s; what it brings is used", async () => {
    const reads = () => source.reads - 1;
    const foreign = await forge({}, { kid: keysB.currentKeyId }, keysB);
    expect(await reasonOf(foreign)).toBe("token_invalid");
    expect(await reasonOf(foreign)).toBe("token_invalid");
    expect(reads()).toBe(1);
    source.set = { currentKeyId: keysA.currentKeyId, keys: [...keysA.keys, ...keysB.keys] };
    await clock.advance(29_999);
    expect(await reasonOf(foreign)).toBe("token_invalid");
    await clock.advance(1);
    expect(await reasonOf(foreign)).toBe("accepted");
    expect(reads()).toBe(2);
  });

  test("unknown key ids at the same time share one reload", async () => {
    const foreign = await forge({}, { kid: "other" }, keysB);
    await Promise.all(Array.from({ length: 20 }, () => reasonOf(foreign)));
    expect(source.reads).toBe(2);
  });

  test("a store that is down at a reload leaves the cached keys in use; at the start it stops the service", async () => {
    source.down = true;
    await ring.reload();
    expect(failedReloads).toBe(1);
    expect(await reasonOf(await sign())).toBe("accepted");
    await expect(openRing()).rejects.toThrow("the parameter store is down");
  });

  test("signing_key_required: who has public keys only verifies and cannot sign", async () => {
    const token = await sign();
    source.set = publicKeySet(keysA);
    tokens = new JoseAccessTokens({ keys: await openRing(), clock, cachedTokensMax: 10 });
    expect(await reasonOf(token)).toBe("accepted");
    await expect(sign()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
  });
});
