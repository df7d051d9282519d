/** What the connection plane needs: no store of messages, no log, no members. */
import type { Client } from "@connectrpc/connect";
import type { AccessTokens } from "../shared/auth/access-tokens.ts";
import type { Clock } from "../shared/domain/clock.ts";
import type { Ids } from "../shared/domain/ids.ts";
import type { Random } from "../shared/domain/random.ts";
import type { IngestService } from "../shared/gen/messaging/v1/ingest_pb.js";
import type { Logger } from "../shared/runtime/logger.ts";
import type { Presence } from "../shared/stores/presence.ts";
import type { RateLimiter } from "../shared/stores/rate-limiter.ts";
import type { Revocation } from "../shared/stores/revocation.ts";
import type { RoutingTable } from "../shared/stores/routing-table.ts";
import type { TopicPublisher } from "./socket.ts";

export interface GatewayDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly tokens: Pick<AccessTokens, "verify">;
  readonly revocation: Pick<Revocation, "areRevoked" | "subscribe">;
  readonly routing: RoutingTable;
  readonly presence: Presence;
  readonly limiter: Pick<RateLimiter, "take">;
  readonly ingest: Pick<Client<typeof IngestService>, "persistMessages" | "syncMessages" | "ackDelivery">;
  readonly topics: TopicPublisher;
  readonly settings: GatewaySettings;
}

export interface GatewaySettings {
  readonly serverId: string;
  /** Sends of all chats may share a call (one commit spans all chats), or only those of one chat. */
  readonly coalesceSendsBy: "store" | "chat";
  /**
   * Where all chats share a commit: the least time between two calls while few sends wait, so that a steady stream
   * costs a bounded number of commits. A send after a pause never waits.
   */
  readonly sendWindowMs: number;
  readonly rateLimitsEnabled: boolean;
  readonly typingEnabled: boolean;
  readonly heartbeatIntervalMs: number;
  /** Silence after which a connection is closed, and the life of its routing entry. */
  readonly idleTimeoutMs: number;
  readonly persistTimeoutMs: number;
  readonly requestsPerConnectionMax: number;
  readonly sendsPerSecond: number;
  readonly sendsBurst: number;
  readonly sendsPerUserSecond: number;
  readonly sendsPerUserHour: number;
  readonly sendsClusterSecond: number;
  readonly syncsPerSecond: number;
  readonly syncsConcurrentMax: number;
  readonly outbox: OutboxSettings;
  readonly upgrades: UpgradeSettings;
  readonly connectionsMax: number;
  readonly connectionAgeMaxMs: number;
  readonly revocationCheckIntervalMs: number;
  readonly revocationOutageGraceMs: number;
  readonly drainTimeoutMs: number;
  /** Reconnect delays are spread over this range during a drain. */
  readonly reconnectDelayMaxMs: number;
  /** A chat with at least this many connections here is pushed by topic, a smaller one socket by socket. */
  readonly topicConnectionsMin: number;
}

export interface OutboxSettings {
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly totalBytesMax: number;
  readonly warningPercent: number;
  readonly criticalPercent: number;
  readonly gracePeriodMs: number;
}

export interface UpgradeSettings {
  readonly perIpSecond: number;
  readonly perIpMinute: number;
  readonly perUserMinute: number;
  readonly concurrentPerUser: number;
  readonly clusterSecond: number;
}
