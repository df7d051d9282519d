/** Makes the tokens of a session: a signed access token and an opaque refresh token of which only the hash is kept. */
import { createHash } from "node:crypto";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { SessionId, UserId } from "../shared/domain/ids.ts";
import type { LiveToken } from "../shared/stores/session-store.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "accessTokens" | "clock" | "random" | "ids"> & {
  readonly settings: { readonly auth: Pick<ChatMgmtDeps["settings"]["auth"], "accessTokenTtlSeconds"> };
};

/** As clients get them. */
export interface TokenFields {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly tokenType: "Bearer";
  /** Seconds. */
  readonly expiresIn: number;
}

export interface MintedTokens {
  readonly tokens: TokenFields;
  readonly refreshTokenHash: string;
  readonly live: LiveToken;
}

const refreshTokenBytes = 32;
/** Access tokens that a session remembers, so that they end with it. */
const liveTokensMax = 3;

/** Changes nothing anywhere. @throws {TriplaneError} SERVICE_UNAVAILABLE */
export async function mintTokens(deps: Deps, sub: UserId, sid: SessionId): Promise<MintedTokens> {
  const expiresIn = deps.settings.auth.accessTokenTtlSeconds;
  const iat = Math.floor(deps.clock.nowMs() / 1000);
  const live = { jti: deps.ids.ulid(), exp: iat + expiresIn };
  const refreshToken = newRefreshToken(deps);
  const accessToken = await deps.accessTokens.sign({ sub, sid, iat, ...live }).catch((error: unknown) => {
    throw new TriplaneError("SERVICE_UNAVAILABLE", "Tokens cannot be issued at the moment", { cause: error });
  });
  return {
    tokens: { accessToken, refreshToken, tokenType: "Bearer", expiresIn },
    refreshTokenHash: hashRefreshToken(refreshToken),
    live,
  };
}

/** 32 random bytes as base64url: 43 characters. */
export function newRefreshToken(deps: Pick<Deps, "random">): string {
  return deps.random.bytes(refreshTokenBytes).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** SHA-256, lower-case hex. */
export function hashRefreshToken(refreshToken: string): string {
  return createHash("sha256").update(refreshToken, "utf8").digest("hex");
}

/** The session's unexpired tokens with a new one; those that find no room have to be revoked. */
export function withLiveToken(
  held: readonly LiveToken[],
  added: LiveToken,
  nowMs: number,
): { readonly kept: readonly LiveToken[]; readonly pushedOut: readonly LiveToken[] } {
  const live = [...held.filter((token) => token.exp * 1000 > nowMs), added];
  const excess = Math.max(0, live.length - liveTokensMax);
  return { kept: live.slice(excess), pushedOut: live.slice(0, excess) };
}
