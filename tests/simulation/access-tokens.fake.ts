/** Access tokens without cryptography, for the simulation: deterministic, readable, refused when tampered with in form. */
import type {
  AccessTokenClaims,
  AccessTokens,
  VerifiedToken,
  VerifyOptions,
} from "../../src/shared/auth/access-tokens.ts";
import { type Clock, isoTime } from "../../src/shared/domain/clock.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import { parseSessionId, parseUserId } from "../../src/shared/domain/ids.ts";

const prefix = "simulated.";

export class FakeAccessTokens implements AccessTokens {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async sign(claims: AccessTokenClaims): Promise<string> {
    return prefix + Buffer.from(JSON.stringify(claims)).toString("base64url");
  }

  async verify(token: string, options: VerifyOptions): Promise<VerifiedToken> {
    const claims = readClaims(token);
    const userId = parseUserId(claims.sub ?? "");
    const sessionId = parseSessionId(claims.sid ?? "");
    if (userId === undefined || sessionId === undefined || !claims.jti || !claims.exp) throw invalid();
    const expiresAtMs = claims.exp * 1000;
    const expired = expiresAtMs <= this.#clock.nowMs();
    if (expired && !options.allowExpired) {
      throw new TriplaneError("UNAUTHORIZED", "The access token has expired", {
        details: { reason: "token_expired", expired_at: isoTime(expiresAtMs) },
      });
    }
    return { userId, sessionId, tokenId: claims.jti, expiresAtMs, expired };
  }
}

function readClaims(token: string): Partial<AccessTokenClaims> {
  if (!token.startsWith(prefix)) throw invalid();
  try {
    return JSON.parse(Buffer.from(token.slice(prefix.length), "base64url").toString()) ?? {};
  } catch {
    throw invalid();
  }
}

function invalid(): TriplaneError {
  return new TriplaneError("UNAUTHORIZED", "The access token is not valid", {
    details: { reason: "token_invalid" },
  });
}
