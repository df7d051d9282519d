/**
 * The handshake: every check before `101`, in the order of the protocol contract, section 3.2. The gateway
 * authenticates, it never authorises. Refusals have a flat JSON body of their own (section 3.3).
 */

import type { VerifiedToken } from "../shared/auth/access-tokens.ts";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError, toTriplaneError } from "../shared/domain/errors.ts";
import { type DeviceId, parseDeviceId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import type { Bucket } from "../shared/stores/rate-limiter.ts";
import type { ConnectionInit } from "./connection.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { routeOf } from "./route.ts";

export interface UpgradeRefusal {
  readonly status: 400 | 401 | 404 | 429 | 503;
  readonly error: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;
}

export interface UpgradeRequest {
  readonly url: URL;
  readonly headers: Headers;
  /** Network of the client, hashed: the key of its limits. */
  readonly ipKey: string;
}

export interface UpgradeState {
  readonly draining: boolean;
  readonly connections: number;
}

export type UpgradeOutcome =
  | { readonly ok: true; readonly init: ConnectionInit }
  | { readonly ok: false; readonly refusal: UpgradeRefusal };

/** Counts the upgrades of everybody: beyond it (L5) the service is busy, not the client too fast. */
const clusterKey = "conn_rate:global";

/** @returns true for the paths that are a gateway's */
export function isSocketPath(pathname: string): boolean {
  return pathname === "/v1/ws" || pathname.startsWith("/ws/");
}

/** Runs the checks and registers the connection in the routing table; unregister it if the upgrade then fails. */
export async function checkUpgrade(
  deps: GatewayDeps,
  request: UpgradeRequest,
  state: UpgradeState,
): Promise<UpgradeOutcome> {
  try {
    checkVersion(request.url.pathname);
    checkUpgradeHeader(request.headers);
    await checkIpLimits(deps, request.ipKey);
    const { deviceId, token: accessToken } = readCredentials(deps, request);
    const token = await verified(deps, accessToken);
    await checkRevoked(deps, token);
    if (state.draining || state.connections >= deps.settings.connectionsMax) {
      throw refused(503, "service_unavailable", "This server takes no new connections now");
    }
    await checkUserLimits(deps, token);
    return { ok: true, init: await register(deps, token, deviceId, accessToken) };
  } catch (thrown) {
    if (thrown instanceof RefusedUpgrade) return { ok: false, refusal: thrown.refusal };
    deps.logger.error("upgrade_failed", { error: thrown });
    return {
      ok: false,
      refusal: refused(503, "service_unavailable", "The connection could not be set up").refusal,
    };
  }
}

export function refusalResponse(refusal: UpgradeRefusal): Response {
  const { status, error, message, details, retryAfterSeconds } = refusal;
  return Response.json(
    {
      error,
      message,
      ...(details === undefined ? {} : { details }),
      ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
    },
    {
      status,
      headers: retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
    },
  );
}

function checkVersion(pathname: string): void {
  if (pathname === "/v1/ws") return;
  const version = /^\/ws\/v(\d{1,9})$/.exec(pathname)?.[1];
  if (version === undefined) throw refused(404, "not_found", "There is no such path");
  if (Number(version) !== limits.protocolVersion) {
    throw refused(400, "unsupported_version", `Protocol version ${version} is not supported`, {
      supported_versions: [limits.protocolVersion],
      requested_version: Number(version),
    });
  }
}

function checkUpgradeHeader(headers: Headers): void {
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw refused(400, "invalid_request", "This path takes WebSocket upgrades only");
  }
}

function readCredentials(
  deps: GatewayDeps,
  { url, headers }: UpgradeRequest,
): { readonly deviceId: DeviceId; readonly token: string } {
  const fromQuery = url.searchParams.get("device_id");
  const fromHeader = headers.get("x-device-id");
  if (fromQuery !== null && fromHeader !== null && fromQuery.toLowerCase() !== fromHeader.toLowerCase()) {
    throw refused(400, "invalid_request", "device_id and X-Device-ID differ", { field: "device_id" });
  }
  const deviceId = parseDeviceId(fromQuery ?? fromHeader ?? "");
  if (deviceId === undefined) {
    throw refused(400, "invalid_request", "device_id must be a UUID", { field: "device_id" });
  }
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? undefined : /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (authorization !== null && bearer === undefined) {
    throw refused(400, "invalid_request", "Authorization must be Bearer and a token", { field: "token" });
  }
  const queryToken = url.searchParams.get("token") ?? undefined;
  if (bearer !== undefined && queryToken !== undefined && bearer !== queryToken) {
    throw refused(400, "invalid_request", "The token and the Authorization header differ", {
      field: "token",
    });
  }
  const token = bearer ?? queryToken;
  if (token === undefined || token === "") {
    throw refused(400, "invalid_request", "An access token is needed", { field: "token" });
  }
  if (bearer === undefined) deps.logger.warn("token_in_query", { device_id: deviceId });
  return { deviceId, token };
}

async function verified(deps: GatewayDeps, accessToken: string): Promise<VerifiedToken> {
  try {
    return await deps.tokens.verify(accessToken, { allowExpired: false });
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code !== "UNAUTHORIZED")
      throw refused(503, "service_unavailable", "Tokens cannot be checked now");
    const expiredAt = error.details?.["expired_at"];
    throw refused(
      401,
      "invalid_token",
      error.details?.["reason"] === "token_expired" ? "Access token expired" : "Access token invalid",
      expiredAt === undefined ? undefined : { expired_at: expiredAt },
    );
  }
}

/** Fails closed. */
async function checkRevoked(deps: GatewayDeps, token: VerifiedToken): Promise<void> {
  let revoked: readonly boolean[];
  try {
    revoked = await deps.revocation.areRevoked([token.tokenId]);
  } catch (error) {
    deps.logger.error("revocation_check_failed", { jti: token.tokenId, error });
    throw refused(503, "service_unavailable", "Tokens cannot be checked now");
  }
  if (revoked[0] === true) throw refused(401, "token_revoked", "Access token revoked");
}

function checkIpLimits(deps: GatewayDeps, ipKey: string): Promise<void> {
  const { upgrades } = deps.settings;
  return take(deps, [
    { kind: "fixed_window", key: `conn_second:ip:${ipKey}`, limit: upgrades.perIpSecond, windowMs: 1000 },
    { kind: "sliding_log", key: `conn_rate:ip:${ipKey}`, limit: upgrades.perIpMinute, windowMs: 60_000 },
    { kind: "fixed_window", key: clusterKey, limit: upgrades.clusterSecond, windowMs: 1000 },
  ]);
}

function checkUserLimits(deps: GatewayDeps, token: VerifiedToken): Promise<void> {
  return take(deps, [
    {
      kind: "sliding_log",
      key: `conn_rate:user:${token.userId}`,
      limit: deps.settings.upgrades.perUserMinute,
      windowMs: 60_000,
    },
  ]);
}

/** Fails open: an abuse control never keeps users out when its own store is down. */
async function take(deps: GatewayDeps, buckets: readonly Bucket[]): Promise<void> {
  if (!deps.settings.rateLimitsEnabled) return;
  try {
    const decision = await deps.limiter.take(buckets, 1);
    if (decision.allowed) return;
    if (decision.refusedBy.key === clusterKey) {
      throw refused(503, "service_unavailable", "Too many connections are being opened everywhere");
    }
    throw rateLimited(Math.max(1, Math.ceil(decision.retryAfterMs / 1000)));
  } catch (thrown) {
    if (thrown instanceof RefusedUpgrade) throw thrown;
    deps.logger.warn("rate_limit_check_failed", { limit: "upgrades", error: thrown });
  }
}

/** Registers first: a gateway that cannot be found must not accept (ADR-010 §1.7). */
async function register(
  deps: GatewayDeps,
  token: VerifiedToken,
  deviceId: DeviceId,
  accessToken: string,
): Promise<ConnectionInit> {
  const { clock, ids, random, routing, presence, settings } = deps;
  const connectedAtMs = clock.nowMs();
  const init: ConnectionInit = {
    connectionId: ids.connectionId(),
    userId: token.userId,
    deviceId,
    sessionId: token.sessionId,
    tokenId: token.tokenId,
    accessToken,
    tokenExpiresAtMs: token.expiresAtMs,
    connectedAtMs,
    rotateAtMs: clock.monotonicMs() + settings.connectionAgeMaxMs * (1 - 0.1 * random.float()),
  };
  const route = routeOf(init, settings.serverId);
  try {
    const { liveBefore, liveAfter, replaced } = await routing.register(route);
    if (settings.rateLimitsEnabled && liveAfter > settings.upgrades.concurrentPerUser) {
      await routing.unregister(route);
      throw rateLimited(60);
    }
    await presence.record(init.userId, liveBefore, liveAfter);
    for (const older of replaced) {
      await routing.sendClose(older.serverId, {
        type: "close",
        connectionId: older.connectionId,
        reason: "duplicate_connection",
      });
    }
    return init;
  } catch (thrown) {
    if (thrown instanceof RefusedUpgrade) throw thrown;
    deps.logger.error("register_failed", { at: isoTime(connectedAtMs), error: thrown });
    throw refused(503, "service_unavailable", "The connection could not be registered");
  }
}

class RefusedUpgrade extends TriplaneError {
  readonly refusal: UpgradeRefusal;

  constructor(refusal: UpgradeRefusal) {
    super("BAD_REQUEST", refusal.message);
    this.refusal = refusal;
  }
}

function refused(
  status: UpgradeRefusal["status"],
  error: string,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): RefusedUpgrade {
  return new RefusedUpgrade({ status, error, message, details, retryAfterSeconds: undefined });
}

function rateLimited(retryAfterSeconds: number): RefusedUpgrade {
  return new RefusedUpgrade({
    status: 429,
    error: "rate_limited",
    message: "Too many connections",
    details: undefined,
    retryAfterSeconds,
  });
}
