/** What the fan-out plane needs. It writes nothing but dead letters and offsets. */
import type { Clock } from "../shared/domain/clock.ts";
import type { Random } from "../shared/domain/random.ts";
import type { Logger } from "../shared/runtime/logger.ts";
import type { ChatStore } from "../shared/stores/chat-store.ts";
import type { EventLog } from "../shared/stores/event-log.ts";
import type { RoutingTable } from "../shared/stores/routing-table.ts";
import type { GatewayDelivery } from "./gateway-delivery.ts";
import type { MemberCache } from "./member-cache.ts";

export interface FanoutDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly log: EventLog;
  readonly chats: Pick<ChatStore, "listMembers">;
  readonly members: MemberCache;
  readonly routing: Pick<RoutingTable, "serversOf">;
  readonly gateways: GatewayDelivery;
  readonly settings: FanoutSettings;
}

export interface FanoutSettings {
  readonly consumerGroup: string;
  readonly consumerId: string;
  readonly pollRecordsMax: number;
  readonly pollWaitMs: number;
  /** How often handled offsets are committed. */
  readonly commitIntervalMs: number;
  /** One dispatch to one gateway. */
  readonly deliveryTimeoutMs: number;
  /** When a failed dispatch is repeated in the background. */
  readonly redispatchDelaysMs: readonly number[];
  /** Failed dispatches kept for repetition; more are left to sync. */
  readonly redispatchMax: number;
  /** Retries of a membership read, exponential from `retryBackoffMs` to `retryBackoffMaxMs`. */
  readonly retriesMax: number;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  /** Attempts at a record whose handling crashes, before it becomes a dead letter. */
  readonly attemptsMax: number;
}

export const defaultFanoutSettings: FanoutSettings = {
  consumerGroup: "fanout-workers",
  consumerId: "fanout-1",
  pollRecordsMax: 500,
  pollWaitMs: 250,
  commitIntervalMs: 200,
  deliveryTimeoutMs: 100,
  redispatchDelaysMs: [1000, 5000],
  redispatchMax: 1000,
  retriesMax: 3,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  attemptsMax: 3,
};
