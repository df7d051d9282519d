/** The gateway's settings out of the standalone's tree: names and units as the gateway uses them. */
import type { GatewaySettings } from "./gateway/gateway-deps.ts";
import type { StandaloneSettings } from "./shared/runtime/config/standalone-settings.ts";

/** Measured: below this many connections per chat, one write per socket costs less than a topic. */
const topicConnectionsMin = 16;

/** Measured: halves the processor time per message at a thousand messages a second, for about 6 ms of latency. */
const sendWindowMs = 10;

export function gatewaySettingsOf(settings: StandaloneSettings, serverId: string): GatewaySettings {
  const { auth, features, gateway, limits, rateLimitsEnabled } = settings;
  const { inbound, outbound } = gateway.backpressure;
  return {
    serverId,
    coalesceSendsBy: "store",
    sendWindowMs,
    rateLimitsEnabled,
    typingEnabled: features.typing,
    heartbeatIntervalMs: gateway.timeouts.heartbeatIntervalSeconds * 1000,
    idleTimeoutMs: gateway.routing.expiryWindowSeconds * 1000,
    persistTimeoutMs: gateway.timeouts.durabilityRpcSeconds * 1000,
    requestsPerConnectionMax: inbound.maxQueueDepth,
    sendsPerSecond: inbound.rateLimitPerSecond,
    sendsBurst: inbound.rateLimitBurst,
    sendsPerUserSecond: limits.sends.perUserSecond,
    sendsPerUserHour: limits.sends.perUserHour,
    sendsClusterSecond: limits.sends.clusterSecond,
    syncsPerSecond: limits.sync.perSecond,
    syncsConcurrentMax: limits.sync.concurrent,
    outbox: {
      messagesMax: outbound.maxBufferMessages,
      bytesMax: outbound.maxBufferBytes,
      totalBytesMax: outbound.maxTotalBufferBytes,
      warningPercent: outbound.warningThresholdPercent,
      criticalPercent: outbound.criticalThresholdPercent,
      gracePeriodMs: outbound.gracePeriodSeconds * 1000,
    },
    upgrades: limits.upgrades,
    connectionsMax: gateway.limits.maxConnections,
    connectionAgeMaxMs: gateway.limits.maxConnectionAgeSeconds * 1000,
    revocationCheckIntervalMs: auth.revocationCheckSeconds * 1000,
    revocationOutageGraceMs: gateway.revocation.outageGraceMs,
    drainTimeoutMs: gateway.shutdown.drainTimeoutSeconds * 1000,
    reconnectDelayMaxMs: 5000,
    topicConnectionsMin,
  };
}
