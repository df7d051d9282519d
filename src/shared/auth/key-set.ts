/**
 * Signing keys in the form of the configuration: JSON `{"current": kid, "keys": [JWK, …]}`. Keys with a private
 * part can sign; verifiers get the same document without them. Keeps the key material out of every message.
 */
import type { JWK } from "jose";

export interface RsaKey {
  readonly keyId: string;
  readonly jwk: JWK;
  readonly canSign: boolean;
}

export interface KeySet {
  /** New tokens carry this key id; all others still verify. */
  readonly currentKeyId: string;
  readonly keys: readonly RsaKey[];
}

const keysMax = 16;
const modulusBitsMin = 2048;

/**
 * @param origin where the text is from (a path, a variable), for the error
 * @throws {Error} one line that names the origin and the fault, never the content
 */
export function parseKeySet(text: string, origin: string): KeySet {
  const fail = (fault: string): never => {
    throw new Error(`signing keys in ${origin}: ${fault}`);
  };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return fail("not JSON");
  }
  const { current, keys } = (document ?? {}) as { readonly current?: unknown; readonly keys?: unknown };
  if (typeof current !== "string" || current === "") return fail('"current" must name a key id');
  if (!Array.isArray(keys) || keys.length === 0) return fail('"keys" must be a list of at least one JWK');
  if (keys.length > keysMax) return fail(`${keys.length} keys, limit ${keysMax}`);
  const parsed = keys.map((jwk: JWK, index) => parseKey(jwk, index, fail));
  const ids = new Set(parsed.map((key) => key.keyId));
  if (ids.size !== parsed.length) return fail("two keys share a key id");
  if (!ids.has(current)) return fail(`no key has the current key id ${current}`);
  return { currentKeyId: current, keys: parsed };
}

export function formatKeySet(set: KeySet): string {
  return `${JSON.stringify({ current: set.currentKeyId, keys: set.keys.map((key) => key.jwk) })}\n`;
}

/** The same set for those who only verify. */
export function publicKeySet(set: KeySet): KeySet {
  return {
    currentKeyId: set.currentKeyId,
    keys: set.keys.map(({ keyId, jwk }) => ({
      keyId,
      canSign: false,
      jwk: { kty: "RSA", kid: keyId, alg: "RS256", use: "sig", n: jwk.n ?? "", e: jwk.e ?? "" },
    })),
  };
}

function parseKey(jwk: JWK | null, index: number, fail: (fault: string) => never): RsaKey {
  const keyId = jwk?.kid;
  if (typeof keyId !== "string" || keyId === "") return fail(`key ${index} has no kid`);
  if (jwk?.kty !== "RSA" || typeof jwk.n !== "string" || typeof jwk.e !== "string") {
    return fail(`key ${keyId} is not an RSA key with n and e`);
  }
  if (jwk.alg !== undefined && jwk.alg !== "RS256") {
    return fail(`key ${keyId} is for ${jwk.alg}, only RS256 is used`);
  }
  const modulusBits = Buffer.from(jwk.n, "base64url").length * 8;
  if (modulusBits < modulusBitsMin) {
    return fail(`key ${keyId} has ${modulusBits} bits, at least ${modulusBitsMin} are needed`);
  }
  return { keyId, jwk, canSign: typeof jwk.d === "string" };
}
