/**
 * All four services in one process, over ports: in-process calls, the embedded stores, one HTTP surface. What
 * touches the machine (sockets, threads, clock, files) comes in as parts, so that the simulation runs this very
 * composition on a virtual clock.
 */
import { createClient } from "@connectrpc/connect";
import { Hono } from "hono";
import type { ChatMgmtDeps } from "./chatmgmt/chatmgmt-deps.ts";
import { silentMetrics } from "./chatmgmt/chatmgmt-metrics.ts";
import { createChatMgmtService } from "./chatmgmt/chatmgmt-service.ts";
import { noRateLimits } from "./chatmgmt/no-rate-limits.ts";
import type { OtpCodes } from "./chatmgmt/otp-codes.ts";
import type { SmsSender } from "./chatmgmt/sms-sender.ts";
import { createFanout, type Fanout } from "./fanout/fanout.ts";
import { defaultFanoutSettings } from "./fanout/fanout-deps.ts";
import { createRpcGatewayDelivery } from "./fanout/gateway-delivery.rpc.ts";
import { MemoryMemberCache } from "./fanout/member-cache.ts";
import { createGateway, type Gateway } from "./gateway/gateway.ts";
import type { TopicPublisher } from "./gateway/socket.ts";
import { createIngest, type Ingest } from "./ingest/ingest.ts";
import { defaultIngestSettings } from "./ingest/ingest-deps.ts";
import { SendGuard } from "./ingest/send-guard.ts";
import type { AccessTokens } from "./shared/auth/access-tokens.ts";
import type { Audit } from "./shared/auth/audit.ts";
import type { Clock } from "./shared/domain/clock.ts";
import { type ChatId, createIds } from "./shared/domain/ids.ts";
import { limits } from "./shared/domain/limits.ts";
import type { Random } from "./shared/domain/random.ts";
import { ChatMgmtService } from "./shared/gen/messaging/v1/chatmgmt_pb.js";
import { GatewayService } from "./shared/gen/messaging/v1/gateway_pb.js";
import { IngestService } from "./shared/gen/messaging/v1/ingest_pb.js";
import { auditGuardWarning, auditRateLimited } from "./shared/http/audit-answers.ts";
import { mountHealth } from "./shared/http/mount-health.ts";
import { mountRest } from "./shared/http/mount-rest.ts";
import { mountRpc } from "./shared/http/mount-rpc.ts";
import { createRestEdge, type HttpEnv, type RestEdge } from "./shared/http/rest-edge.ts";
import { createConnectFetch, createUserGate, validationInterceptor } from "./shared/rpc/connect-server.ts";
import { createGuard } from "./shared/rpc/guard.ts";
import { createInProcessTransport } from "./shared/rpc/in-process-transport.ts";
import type { StandaloneSettings } from "./shared/runtime/config/standalone-settings.ts";
import { Health } from "./shared/runtime/health.ts";
import type { Logger } from "./shared/runtime/logger.ts";
import { createSqliteAccountStore } from "./shared/stores/account-store.sqlite.ts";
import { createSqliteChatStore } from "./shared/stores/chat-store.sqlite.ts";
import { SqliteDeliveryStateStore } from "./shared/stores/delivery-state-store.sqlite.ts";
import { SqliteEventLog } from "./shared/stores/event-log.sqlite.ts";
import { SqliteMessageStore } from "./shared/stores/message-store.sqlite.ts";
import { createSqliteOtpStore } from "./shared/stores/otp-store.sqlite.ts";
import { createMemoryPresence } from "./shared/stores/presence.memory.ts";
import { createMemoryRateLimiter } from "./shared/stores/rate-limiter.memory.ts";
import { createSqliteRestIdempotencyStore } from "./shared/stores/rest-idempotency-store.sqlite.ts";
import { createSqliteRevocation } from "./shared/stores/revocation.sqlite.ts";
import { createMemoryRoutingTable } from "./shared/stores/routing-table.memory.ts";
import { createSqliteSessionStore } from "./shared/stores/session-store.sqlite.ts";
import { defaultExpiryPace, expiryTasks, startExpiry } from "./shared/stores/sqlite/expiry.ts";
import { LogTail } from "./shared/stores/sqlite/log-tail.ts";
import type { Storage } from "./shared/stores/sqlite/storage.ts";
import { createSqliteUserStore } from "./shared/stores/user-store.sqlite.ts";
import { gatewaySettingsOf } from "./standalone-gateway-settings.ts";

export interface StandaloneParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly storage: Storage;
  readonly tokens: AccessTokens;
  readonly otpCodes: OtpCodes;
  readonly sms: SmsSender;
  readonly audit: Audit;
  readonly topics: TopicPublisher;
  readonly settings: StandaloneSettings;
  readonly version: string;
  /** Routes beyond the API: pages, documents, the local inbox. */
  readonly mountMore: (app: Hono<HttpEnv>, edge: RestEdge) => void;
}

export interface StandaloneSystem {
  readonly gateway: Gateway;
  readonly health: Health;
  /** REST, RPC, health and pages; everything but socket upgrades. */
  fetch(request: Request, peer: { readonly socketAddress: string }): Promise<Response>;
  start(): Promise<void>;
  /** Gateway, then ingest, fan-out, background work; the storage stays open: its owner closes it. */
  drain(): Promise<void>;
}

const serverId = "standalone";
/** Asked for by the health probe; no chat has it. */
const probeChatId = "chat_0" as ChatId;
const rateLimitKeysMax = 500_000;
const cachedRecordsMax = 10_000;
const revokedTokensMirroredMax = 100_000;

export function createStandaloneSystem(parts: StandaloneParts): StandaloneSystem {
  const { clock, random, logger, storage, settings, version } = parts;
  const ids = createIds(clock, random);
  const tail = new LogTail({ recordsMax: cachedRecordsMax, producerId: serverId });
  const messages = new SqliteMessageStore(storage, tail);
  const eventLog = new SqliteEventLog(storage, tail, clock);
  const chats = createSqliteChatStore(storage, { groupMembersMax: settings.limits.groups.members });
  const sessions = createSqliteSessionStore(storage);
  const otps = createSqliteOtpStore(storage);
  const restIdempotency = createSqliteRestIdempotencyStore(storage);
  const deliveryStates = new SqliteDeliveryStateStore(storage);
  const revocation = createSqliteRevocation(storage, { mirroredMax: revokedTokensMirroredMax });
  const routing = createMemoryRoutingTable(clock, random, {
    connectionsMax: settings.gateway.limits.maxConnections,
  });
  const presence = createMemoryPresence(clock, routing, {
    usersMax: settings.gateway.limits.maxConnections,
  });
  const limiter = createMemoryRateLimiter(clock, { keysMax: rateLimitKeysMax });

  const ingest: Ingest = createIngest({
    clock,
    random,
    ids,
    logger,
    messages,
    chats,
    deliveryStates,
    tokens: parts.tokens,
    sendGuard: settings.rateLimitsEnabled
      ? new SendGuard({
          clock,
          logger,
          limiter,
          chats,
          audit: parts.audit,
          settings: {
            fanoutBudgetPerDay: settings.limits.fanoutBudgetPerDay,
            sendsPerSecond: settings.gateway.backpressure.inbound.rateLimitPerSecond,
            sendsBurst: settings.gateway.backpressure.inbound.rateLimitBurst,
          },
        })
      : undefined,
    settings: {
      ...defaultIngestSettings,
      batchMessagesMax: settings.durability.writer.maxBatchMessages,
      waitingPerChatMax: settings.durability.writer.maxWaitingPerChat,
    },
  });
  const ingestTransport = createInProcessTransport({
    register: (router) => router.service(IngestService, ingest.service),
    clock,
    interceptors: [],
  });
  const gateway = createGateway({
    clock,
    random,
    ids,
    logger,
    tokens: parts.tokens,
    revocation,
    routing,
    presence,
    limiter,
    ingest: createClient(IngestService, ingestTransport),
    topics: parts.topics,
    settings: gatewaySettingsOf(settings, serverId),
  });
  const gatewayTransport = createInProcessTransport({
    register: (router) => router.service(GatewayService, gateway.service),
    clock,
    interceptors: [],
  });
  const fanout: Fanout = createFanout({
    clock,
    random,
    logger,
    log: eventLog,
    chats,
    members: new MemoryMemberCache(clock),
    routing,
    gateways: createRpcGatewayDelivery((id) => (id === serverId ? gatewayTransport : undefined)),
    settings: { ...defaultFanoutSettings, consumerId: serverId },
  });
  const chatMgmtDeps: ChatMgmtDeps = {
    accounts: createSqliteAccountStore(storage),
    users: createSqliteUserStore(storage),
    sessions,
    otps,
    chats,
    messages,
    deliveryStates,
    restIdempotency,
    eventLog,
    rateLimiter: settings.rateLimitsEnabled ? limiter : noRateLimits,
    revocation,
    accessTokens: parts.tokens,
    otpCodes: parts.otpCodes,
    sms: parts.sms,
    audit: parts.audit,
    logger,
    metrics: silentMetrics,
    clock,
    random,
    ids,
    settings,
    producerId: serverId,
  };
  const health = new Health({
    clock,
    service: serverId,
    version,
    failOnDependency: settings.healthFailOnDependency,
    dependencies: [
      {
        name: "sqlite",
        neededForNewWork: true,
        probe: async () => {
          await chats.getChats([probeChatId]);
          return storage.healthy();
        },
      },
      { name: "keys", neededForNewWork: true, probe: async () => true },
    ],
  });
  const http = createHttp(parts, chatMgmtDeps, limiter, revocation, health, ids);
  let expiry: { stop(): Promise<void> } | undefined;

  return {
    gateway,
    health,
    fetch: http,
    async start() {
      await fanout.start();
      expiry = startExpiry({
        clock,
        ...defaultExpiryPace,
        tasks: expiryTasks({ messages, eventLog, otps, sessions, restIdempotency, revocation }),
        onExpired: (task, count) => logger.info("expired", { task, count }),
        onFailed: (task, error) => logger.warn("expiry_failed", { task, error }),
      });
      health.phase = "running";
    },
    async drain() {
      health.phase = "draining";
      await gateway.drain();
      await ingest.drain();
      await fanout.drain();
      await expiry?.stop();
    },
  };
}

/** One app for REST, RPC and pages; a path that nobody knows gets the API's own 404. */
function createHttp(
  parts: StandaloneParts,
  deps: ChatMgmtDeps,
  limiter: ChatMgmtDeps["rateLimiter"],
  revocation: ReturnType<typeof createSqliteRevocation>,
  health: Health,
  ids: ReturnType<typeof createIds>,
): StandaloneSystem["fetch"] {
  const { clock, logger, settings, tokens } = parts;
  const guard = createGuard({
    verifyAccessToken: (token, options) => tokens.verify(token, options),
    revocation,
    limiter,
    limits: { ...settings.limits.rest, refreshPerMinute: settings.limits.refreshPerMinute },
    clock,
    rateLimitsEnabled: settings.rateLimitsEnabled,
    warn(event, fields) {
      logger.warn(event, fields);
      auditGuardWarning(parts.audit, event, fields);
    },
  });
  const edge = createRestEdge({
    guard,
    ids,
    clock,
    trustedProxyHops: settings.trustedProxyHops,
    cors: settings.corsAllowedOrigins.includes("*") ? "*" : settings.corsAllowedOrigins,
    hstsMaxAgeSeconds: undefined,
    onAnswer(record) {
      logger.debug("request", { ...record });
      auditRateLimited(parts.audit, record);
    },
    onInternalError: (error, requestId, route) =>
      logger.error("internal_error", { request_id: requestId, route, error: error.cause ?? error }),
  });
  const service = createChatMgmtService(deps);
  const app = new Hono<HttpEnv>();
  mountRest({
    app,
    edge,
    service: ChatMgmtService,
    implementation: service,
    bodyBytesMax: limits.restBodyBytesMax,
  });
  const rpc = createConnectFetch({
    register: (router) => {
      router.service(ChatMgmtService, service);
    },
    interceptors: [validationInterceptor],
    gate: createUserGate({ guard, ids, trustedProxyHops: settings.trustedProxyHops }),
    messageBytesMax: limits.rpcBodyBytesMax,
    timeoutMaxMs: 60_000,
    shutdownSignal: undefined,
    onInternalError: (error, method) =>
      logger.error("internal_error", { method, error: error.cause ?? error }),
  });
  mountRpc(app, edge, ChatMgmtService, rpc);
  mountHealth(app, edge, health);
  parts.mountMore(app, edge);
  app.notFound((context) => edge.notFound(context));
  return async (request, peer) => app.fetch(request, { socketAddress: peer.socketAddress });
}
