const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export interface TokenTimes {
  readonly expiresAtMs: number;
  readonly issuedAtMs: number | undefined;
}

/**
 * Reads `exp` and `iat` of a JWT (RFC 7519 section 4.1) without checking it: only the server can.
 * @returns undefined for a text that is no JWT with an `exp`
 */
export function readTokenTimes(token: string): TokenTimes | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const { exp, iat } = JSON.parse(decodeBase64UrlAscii(payload)) as { exp?: unknown; iat?: unknown };
    if (typeof exp !== "number") return undefined;
    return { expiresAtMs: exp * 1000, issuedAtMs: typeof iat === "number" ? iat * 1000 : undefined };
  } catch {
    return undefined;
  }
}

/** Bytes above 0x7f come out as Latin-1, which does no harm to numbers and ASCII names. */
function decodeBase64UrlAscii(text: string): string {
  let decoded = "";
  let bits = 0;
  let bitCount = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) throw new SyntaxError(`"${character}" is not base64url`);
    bits = ((bits << 6) | value) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    decoded += String.fromCharCode((bits >> bitCount) & 0xff);
  }
  return decoded;
}
