/** What the durability plane needs; nothing of it knows connections, routes or presence. */
import type { AccessTokens } from "../shared/auth/access-tokens.ts";
import type { Clock } from "../shared/domain/clock.ts";
import type { Ids } from "../shared/domain/ids.ts";
import type { Random } from "../shared/domain/random.ts";
import type { Logger } from "../shared/runtime/logger.ts";
import type { ChatStore } from "../shared/stores/chat-store.ts";
import type { DeliveryStateStore } from "../shared/stores/delivery-state-store.ts";
import type { MessageStore } from "../shared/stores/message-store.ts";
import type { SendGuard } from "./send-guard.ts";

export interface IngestDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly messages: MessageStore;
  readonly chats: Pick<ChatStore, "memberships">;
  readonly deliveryStates: Pick<DeliveryStateStore, "advance">;
  /** The sender of every item is proven again here: a gateway authenticates, it does not vouch. */
  readonly tokens: Pick<AccessTokens, "verify">;
  /** Undefined: no abuse controls, where rate limits are off. */
  readonly sendGuard: SendGuard | undefined;
  readonly settings: IngestSettings;
}

export interface IngestSettings {
  /** Messages of one chat per commit, 1-49. */
  readonly batchMessagesMax: number;
  /** Messages that may wait per chat; more are refused. */
  readonly waitingPerChatMax: number;
  /** A writer without work for this long is dropped. */
  readonly writerIdleMs: number;
  /** Retries of a lost race on the counter. */
  readonly raceRetriesMax: number;
  readonly raceJitterMinMs: number;
  readonly raceJitterMaxMs: number;
}

export const defaultIngestSettings: IngestSettings = {
  batchMessagesMax: 49,
  waitingPerChatMax: 500,
  writerIdleMs: 60_000,
  raceRetriesMax: 5,
  raceJitterMinMs: 50,
  raceJitterMaxMs: 500,
};
