/** Plans the session of a login: a new one, and which of the user's older ones it ends. */
import type { DeviceId, UserId } from "../shared/domain/ids.ts";
import type { Session } from "../shared/stores/session-store.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { type MintedTokens, mintTokens } from "./mint-tokens.ts";

type Deps = Pick<ChatMgmtDeps, "accessTokens" | "clock" | "random" | "ids"> & {
  readonly settings: {
    readonly auth: Omit<ChatMgmtDeps["settings"]["auth"], "sessionsPerUser">;
  };
};

export interface OpenedSession {
  readonly session: Session;
  readonly minted: MintedTokens;
}

/** Nothing is stored yet. @throws {TriplaneError} SERVICE_UNAVAILABLE when no token can be made */
export async function openSession(deps: Deps, userId: UserId, deviceId: DeviceId): Promise<OpenedSession> {
  const nowMs = deps.clock.nowMs();
  const sessionId = deps.ids.sessionId();
  const minted = await mintTokens(deps, userId, sessionId);
  const session: Session = {
    sessionId,
    userId,
    deviceId,
    refreshTokenHash: minted.refreshTokenHash,
    previousTokenHash: null,
    tokenFamily: deps.ids.ulid(),
    tokenGeneration: 0,
    liveTokens: [minted.live],
    createdAtMs: nowMs,
    expiresAtMs: nowMs + deps.settings.auth.sessionTtlSeconds * 1000,
    lastActiveAtMs: nowMs,
  };
  return { session, minted };
}

export interface EndedByLogin {
  /** The device's own older session. */
  readonly replaced: readonly Session[];
  /** The oldest ones beyond the limit. */
  readonly evicted: readonly Session[];
  /** Over already; only their rows are left. */
  readonly expired: readonly Session[];
}

/**
 * One session per device, and room for one more within `sessionsMax`.
 * @param sessions all of the user, the oldest first
 */
export function endedByLogin(
  sessions: readonly Session[],
  deviceId: DeviceId,
  sessionsMax: number,
  nowMs: number,
): EndedByLogin {
  const expired = sessions.filter((session) => session.expiresAtMs <= nowMs);
  const live = sessions.filter((session) => session.expiresAtMs > nowMs);
  const replaced = live.filter((session) => session.deviceId === deviceId);
  const others = live.filter((session) => session.deviceId !== deviceId);
  const evicted = others.slice(0, Math.max(0, others.length - (sessionsMax - 1)));
  return { replaced, evicted, expired };
}
