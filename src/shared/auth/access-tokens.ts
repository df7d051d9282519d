/**
 * Port: access tokens. Says who a caller is, never what a caller may do; revocation is checked apart
 * (`Revocation`), so that a verification needs no store.
 */
import type { SessionId, UserId } from "../domain/ids.ts";

/** What a new token says. `jti` is unique per token; times are Unix seconds. */
export interface AccessTokenClaims {
  readonly sub: UserId;
  readonly sid: SessionId;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

/** A token whose signature and claims were checked. */
export interface VerifiedToken {
  readonly userId: UserId;
  readonly sessionId: SessionId;
  /** The token's `jti`. */
  readonly tokenId: string;
  readonly expiresAtMs: number;
  /** True only where expired tokens were allowed. */
  readonly expired: boolean;
}

export interface VerifyOptions {
  /** Waives `exp` and nothing else: for refreshing and for the retry of a login. */
  readonly allowExpired: boolean;
}

export interface AccessTokens {
  /** @throws {TriplaneError} SERVICE_UNAVAILABLE when this process holds no signing key */
  sign(claims: AccessTokenClaims): Promise<string>;
  /**
   * Cheap for a token that was verified before.
   * @throws {TriplaneError} UNAUTHORIZED with `details.reason` `token_invalid`, or `token_expired` and `details.expired_at`
   */
  verify(token: string, options: VerifyOptions): Promise<VerifiedToken>;
}

export const tokenIssuer = "messaging-platform";
export const tokenAudience = "messaging-api";
/** Room for clocks that differ, on `iat` and `nbf`; none on `exp`. */
export const tokenLeewaySeconds = 5;
