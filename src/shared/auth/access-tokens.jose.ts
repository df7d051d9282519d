/** Access tokens as RS256 JWTs (RFC 7519). The algorithm is ours, never the token's. */
import { type JWTHeaderParameters, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { type Clock, isoTime } from "../domain/clock.ts";
import { TriplaneError } from "../domain/errors.ts";
import { parseSessionId, parseUserId } from "../domain/ids.ts";
import {
  type AccessTokenClaims,
  type AccessTokens,
  tokenAudience,
  tokenIssuer,
  tokenLeewaySeconds,
  type VerifiedToken,
  type VerifyOptions,
} from "./access-tokens.ts";
import type { KeyRing } from "./key-ring.ts";
import { VerifiedTokenCache } from "./verified-token-cache.ts";

export interface JoseAccessTokensOptions {
  readonly keys: KeyRing;
  readonly clock: Clock;
  /** Verified tokens remembered at once; about 1 KB each. */
  readonly cachedTokensMax: number;
}

/** Longer texts are refused unread: ours have about 800 characters. */
const tokenCharactersMax = 4096;
const tokenIdCharactersMax = 64;

export class JoseAccessTokens implements AccessTokens {
  readonly #keys: KeyRing;
  readonly #clock: Clock;
  readonly #cache: VerifiedTokenCache;

  constructor(options: JoseAccessTokensOptions) {
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#cache = new VerifiedTokenCache(options.cachedTokensMax);
  }

  async sign(claims: AccessTokenClaims): Promise<string> {
    const signing = this.#keys.signing;
    if (signing === undefined) {
      throw new TriplaneError("SERVICE_UNAVAILABLE", "Tokens cannot be issued at the moment", {
        cause: new Error("the current key has no private part"),
      });
    }
    return await new SignJWT({ sid: claims.sid, scope: "messaging" })
      .setProtectedHeader({ alg: "RS256", kid: signing.keyId, typ: "JWT" })
      .setIssuer(tokenIssuer)
      .setAudience(tokenAudience)
      .setSubject(claims.sub)
      .setJti(claims.jti)
      .setIssuedAt(claims.iat)
      .setExpirationTime(claims.exp)
      .sign(signing.key);
  }

  async verify(token: string, options: VerifyOptions): Promise<VerifiedToken> {
    const nowMs = this.#clock.nowMs();
    const version = this.#keys.version;
    const cached = this.#cache.get(token, version, nowMs);
    if (cached !== undefined) return cached;
    const verified = readClaims(await this.#checkSignature(token), nowMs, options);
    if (!verified.expired) this.#cache.put(token, version, verified);
    return verified;
  }

  async #checkSignature(token: string): Promise<JWTPayload> {
    if (token.length > tokenCharactersMax) {
      throw invalid(`token has ${token.length} characters, limit ${tokenCharactersMax}`);
    }
    try {
      const { payload } = await jwtVerify(token, (header) => this.#keyOf(header), {
        algorithms: ["RS256"],
        issuer: tokenIssuer,
        audience: tokenAudience,
        requiredClaims: ["sub", "jti", "sid", "iat", "exp"],
        // jose knows one tolerance for all times; ours differ per claim and are checked in readClaims.
        clockTolerance: Number.MAX_SAFE_INTEGER,
        currentDate: new Date(this.#clock.nowMs()),
      });
      return payload;
    } catch (error) {
      if (error instanceof TriplaneError) throw error;
      throw invalid(error);
    }
  }

  async #keyOf(header: JWTHeaderParameters): Promise<CryptoKey> {
    const key = header.kid === undefined ? undefined : await this.#keys.verificationKey(header.kid);
    if (key === undefined) throw invalid(`unknown key id ${String(header.kid).slice(0, 64)}`);
    return key;
  }
}

function readClaims(claims: JWTPayload, nowMs: number, options: VerifyOptions): VerifiedToken {
  const { sub, sid, jti, iat, exp, nbf } = claims;
  const userId = typeof sub === "string" ? parseUserId(sub) : undefined;
  const sessionId = typeof sid === "string" ? parseSessionId(sid) : undefined;
  if (userId === undefined || sessionId === undefined) throw invalid("sub or sid is not an id of ours");
  if (typeof jti !== "string" || jti === "" || jti.length > tokenIdCharactersMax) {
    throw invalid("jti is not a token id");
  }
  if (iat === undefined || exp === undefined) throw invalid("iat or exp is missing");
  const latestMs = nowMs + tokenLeewaySeconds * 1000;
  if (iat * 1000 > latestMs || (nbf ?? 0) * 1000 > latestMs) throw invalid("token is from the future");
  const expiresAtMs = exp * 1000;
  const expired = expiresAtMs <= nowMs;
  if (expired && !options.allowExpired) {
    throw new TriplaneError("UNAUTHORIZED", "The access token has expired", {
      details: { reason: "token_expired", expired_at: isoTime(expiresAtMs) },
    });
  }
  return { userId, sessionId, tokenId: jti, expiresAtMs, expired };
}

function invalid(cause: unknown): TriplaneError {
  return new TriplaneError("UNAUTHORIZED", "The access token is not valid", {
    details: { reason: "token_invalid" },
    cause,
  });
}
