/** What the use cases of chat management work with; the composition root fills it in. */
import type { AccessTokens } from "../shared/auth/access-tokens.ts";
import type { Audit } from "../shared/auth/audit.ts";
import type { Clock } from "../shared/domain/clock.ts";
import type { Ids } from "../shared/domain/ids.ts";
import type { Random } from "../shared/domain/random.ts";
import type { Logger } from "../shared/runtime/logger.ts";
import type { AccountStore } from "../shared/stores/account-store.ts";
import type { ChatStore } from "../shared/stores/chat-store.ts";
import type { DeliveryStateStore } from "../shared/stores/delivery-state-store.ts";
import type { EventLog } from "../shared/stores/event-log.ts";
import type { MessageStore } from "../shared/stores/message-store.ts";
import type { OtpStore } from "../shared/stores/otp-store.ts";
import type { RateLimiter } from "../shared/stores/rate-limiter.ts";
import type { RestIdempotencyStore } from "../shared/stores/rest-idempotency-store.ts";
import type { Revocation } from "../shared/stores/revocation.ts";
import type { SessionStore } from "../shared/stores/session-store.ts";
import type { UserStore } from "../shared/stores/user-store.ts";
import type { ChatMgmtMetrics } from "./chatmgmt-metrics.ts";
import type { OtpCodes } from "./otp-codes.ts";
import type { SmsSender } from "./sms-sender.ts";

/** The part of the configuration that the use cases read; names and defaults are those of the configuration tree. */
export interface ChatMgmtSettings {
  readonly limits: {
    readonly otp: {
      readonly perPhone: number;
      readonly perIp: number;
      readonly windowSeconds: number;
      readonly failures: number;
      readonly failureWindowSeconds: number;
      readonly lockoutSeconds: number;
      readonly validSeconds: number;
    };
    readonly lookup: { readonly perMinute: number; readonly perHour: number };
    readonly groups: { readonly perDay: number; readonly perUser: number; readonly members: number };
  };
  readonly auth: {
    readonly accessTokenTtlSeconds: number;
    readonly sessionTtlSeconds: number;
    readonly sessionsPerUser: number;
  };
}

export interface ChatMgmtDeps {
  readonly accounts: AccountStore;
  readonly users: Pick<UserStore, "getUsers" | "findByPhone" | "setDisplayName">;
  readonly sessions: Pick<
    SessionStore,
    "getSession" | "listSessions" | "rotateTokens" | "deleteSessions" | "touch"
  >;
  readonly otps: Pick<OtpStore, "get" | "put" | "countFailure" | "consume">;
  readonly chats: ChatStore;
  readonly messages: Pick<MessageStore, "counters" | "read" | "latest" | "findMessage">;
  readonly deliveryStates: DeliveryStateStore;
  readonly restIdempotency: Pick<RestIdempotencyStore, "find" | "begin" | "end">;
  readonly eventLog: Pick<EventLog, "append">;
  readonly rateLimiter: RateLimiter;
  readonly revocation: Pick<Revocation, "revoke" | "announce">;
  readonly accessTokens: AccessTokens;
  readonly otpCodes: OtpCodes;
  readonly sms: SmsSender;
  readonly audit: Audit;
  readonly logger: Logger;
  readonly metrics: ChatMgmtMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly settings: ChatMgmtSettings;
  /** Name of this instance in the events it publishes: "chatmgmt-7f9c". */
  readonly producerId: string;
}
