/** A gateway without a network: sockets whose other side reads when the test says so, a durability plane that answers on demand. */
import { create } from "@bufbuild/protobuf";
import type { Connection } from "../../src/gateway/connection.ts";
import { createGateway, type Gateway } from "../../src/gateway/gateway.ts";
import type { GatewayDeps, GatewaySettings } from "../../src/gateway/gateway-deps.ts";
import { backpressureBytesMax, type Socket, type TopicPublisher } from "../../src/gateway/socket.ts";
import type { UpgradeOutcome } from "../../src/gateway/upgrade.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import { createIds, type SessionId, type UserId } from "../../src/shared/domain/ids.ts";
import { MessageSchema } from "../../src/shared/gen/messaging/v1/common_pb.js";
import {
  DeliverMessagesRequestSchema,
  DeliverySchema,
} from "../../src/shared/gen/messaging/v1/gateway_pb.js";
import {
  AckDeliveryResponseSchema,
  type PersistItem,
  PersistItemResultSchema,
  PersistMessagesResponseSchema,
  SyncMessagesResponseSchema,
} from "../../src/shared/gen/messaging/v1/ingest_pb.js";
import type { LogFields, Logger } from "../../src/shared/runtime/logger.ts";
import { createMemoryPresence } from "../../src/shared/stores/presence.memory.ts";
import { createMemoryRateLimiter } from "../../src/shared/stores/rate-limiter.memory.ts";
import type { UserRevoked } from "../../src/shared/stores/revocation.ts";
import { createMemoryRoutingTable } from "../../src/shared/stores/routing-table.memory.ts";
import { FakeAccessTokens } from "../simulation/access-tokens.fake.ts";
import { SeededRandom } from "../simulation/seeded-random.ts";
import { VirtualClock } from "../simulation/virtual-clock.ts";

// biome-ignore lint/suspicious/noExplicitAny: frames of every type, read field by field.
export type AnyFrame = any;

/** As Bun's: a send is taken or dropped, and what the other side does not read waits in a bounded buffer. */
export class FakeSocket implements Socket {
  readonly topics = new Set<string>();
  readonly received: string[] = [];
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  /** The other side does not read. */
  stalled = false;
  dropped = 0;
  #buffer: string[] = [];
  #buffered = 0;
  readonly #network: FakeNetwork;

  constructor(network: FakeNetwork) {
    this.#network = network;
  }

  send(frames: readonly string[]): boolean {
    for (const frame of frames) this.take(frame);
    return this.#buffered === 0;
  }

  take(frame: string): void {
    if (this.closedWith !== undefined) return;
    if (!this.stalled && this.#buffered === 0) this.received.push(frame);
    else if (this.#buffered > backpressureBytesMax) this.dropped++;
    else {
      this.#buffer.push(frame);
      this.#buffered += Buffer.byteLength(frame);
    }
  }

  subscribe(topic: string): void {
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.topics.delete(topic);
  }

  publish(topic: string, frame: string): void {
    this.#network.publishFrom(this, topic, frame);
  }

  bufferedBytes(): number {
    return this.#buffered;
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }

  /** The other side reads everything that waits. */
  readAll(): void {
    this.received.push(...this.#buffer);
    this.#buffer = [];
    this.#buffered = 0;
  }

  get frames(): readonly AnyFrame[] {
    return this.received.map((text) => JSON.parse(text));
  }

  of(type: string): readonly AnyFrame[] {
    return this.frames.filter((frame) => frame.type === type);
  }
}

export class FakeNetwork implements TopicPublisher {
  readonly sockets = new Set<FakeSocket>();
  publishes = 0;

  publish(topic: string, frame: string): void {
    this.publishFrom(undefined, topic, frame);
  }

  publishFrom(from: FakeSocket | undefined, topic: string, frame: string): void {
    this.publishes++;
    for (const socket of this.sockets) if (socket !== from && socket.topics.has(topic)) socket.take(frame);
  }
}

export const gatewaySettings: GatewaySettings = {
  serverId: "gw-1",
  coalesceSendsBy: "store",
  sendWindowMs: 0,
  rateLimitsEnabled: true,
  typingEnabled: true,
  heartbeatIntervalMs: 5000,
  idleTimeoutMs: 15_000,
  persistTimeoutMs: 5000,
  requestsPerConnectionMax: 100,
  sendsPerSecond: 10,
  sendsBurst: 20,
  sendsPerUserSecond: 30,
  sendsPerUserHour: 1000,
  sendsClusterSecond: 100_000,
  syncsPerSecond: 5,
  syncsConcurrentMax: 5,
  outbox: {
    messagesMax: 1000,
    bytesMax: 4 * 1024 * 1024,
    totalBytesMax: 256 * 1024 * 1024,
    warningPercent: 80,
    criticalPercent: 95,
    gracePeriodMs: 5000,
  },
  upgrades: {
    perIpSecond: 10,
    perIpMinute: 100,
    perUserMinute: 10,
    concurrentPerUser: 5,
    clusterSecond: 1000,
  },
  connectionsMax: 1000,
  connectionAgeMaxMs: 24 * 3600 * 1000,
  revocationCheckIntervalMs: 60_000,
  revocationOutageGraceMs: 300_000,
  drainTimeoutMs: 30_000,
  reconnectDelayMaxMs: 5000,
  topicConnectionsMin: 3,
};

export interface Client {
  readonly connection: Connection;
  readonly socket: FakeSocket;
  send(frame: unknown): void;
}

export class GatewayWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly network = new FakeNetwork();
  readonly tokens = new FakeAccessTokens(this.clock);
  readonly revoked = new Set<string>();
  readonly logged: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
  readonly calls: (readonly PersistItem[])[] = [];
  readonly acks: { readonly chatId: string; readonly userId: string; readonly sequence: number }[] = [];
  readonly routing;
  readonly gateway: Gateway;
  readonly deps: GatewayDeps;
  revocationDown = false;
  limiterDown = false;
  routingDown = false;
  /** What the durability plane does with a call; by default each chat counts up. */
  persist: (items: readonly PersistItem[]) => Promise<void> = async () => undefined;
  sync: () => Promise<unknown> = async () =>
    create(SyncMessagesResponseSchema, { messages: [], hasMore: false });
  readonly #sequences = new Map<string, number>();
  readonly #news = new Set<(news: UserRevoked) => void>();
  #tokenNumber = 0;

  constructor(settings: Partial<GatewaySettings> = {}, seed = 1) {
    this.random = new SeededRandom(seed);
    const { clock, random } = this;
    const note = (event: string, fields?: LogFields): void => void this.logged.push({ event, fields });
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const down = (): never => {
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    };
    this.routing = createMemoryRoutingTable(clock, random, { connectionsMax: 10_000 });
    const { routing } = this;
    const limiter = createMemoryRateLimiter(clock, { keysMax: 10_000 });
    this.deps = {
      clock,
      random,
      ids: createIds(clock, random),
      logger,
      tokens: this.tokens,
      revocation: {
        areRevoked: async (jtis) => (this.revocationDown ? down() : jtis.map((jti) => this.revoked.has(jti))),
        subscribe: (listener) => {
          this.#news.add(listener);
          return () => this.#news.delete(listener);
        },
      },
      routing: {
        ...routing,
        register: async (route) => (this.routingDown ? down() : routing.register(route)),
      },
      presence: createMemoryPresence(clock, routing, { usersMax: 10_000 }),
      limiter: { take: async (buckets, cost) => (this.limiterDown ? down() : limiter.take(buckets, cost)) },
      ingest: {
        persistMessages: async (request) => this.#persist((request.items ?? []) as readonly PersistItem[]),
        syncMessages: async () => (await this.sync()) as never,
        ackDelivery: async (request) => {
          for (const item of request.items ?? []) {
            this.acks.push({
              chatId: item.chatId ?? "",
              userId: item.userId ?? "",
              sequence: Number(item.lastAckedSequence),
            });
          }
          return create(AckDeliveryResponseSchema);
        },
      },
      topics: this.network,
      settings: { ...gatewaySettings, ...settings },
    };
    this.gateway = createGateway(this.deps);
  }

  announce(news: UserRevoked): void {
    for (const listener of this.#news) listener(news);
  }

  token(userId: string, lifeSeconds = 3600): Promise<string> {
    const iat = Math.floor(this.clock.nowMs() / 1000);
    const number = ++this.#tokenNumber;
    return this.tokens.sign({
      sub: userId as UserId,
      sid: `sess_${userId.slice(5)}` as SessionId,
      jti: `jti-${number}`,
      iat,
      exp: iat + lifeSeconds,
    });
  }

  handshake(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    ipKey = "ip",
  ): Promise<UpgradeOutcome> {
    return this.gateway.handshake({
      url: new URL(path, "http://gateway"),
      headers: new Headers({ upgrade: "websocket", ...headers }),
      ipKey,
    });
  }

  /** A connection that has its first frame. */
  async connect(userId: string, device: number, lifeSeconds = 3600): Promise<Client> {
    const token = await this.token(userId, lifeSeconds);
    const outcome = await this.handshake(
      `/ws/v1?device_id=${deviceOf(device)}`,
      { authorization: `Bearer ${token}` },
      `ip-${device}`,
    );
    if (!outcome.ok) throw new Error(`refused: ${JSON.stringify(outcome.refusal)}`);
    const connection = this.gateway.connectionFor(outcome.init);
    const socket = new FakeSocket(this.network);
    this.network.sockets.add(socket);
    this.gateway.opened(connection, socket);
    return {
      connection,
      socket,
      send: (frame) => {
        const text = typeof frame === "string" ? frame : JSON.stringify(frame);
        this.gateway.onText(connection, text, Buffer.byteLength(text));
      },
    };
  }

  async deliver(
    deliveries: readonly {
      readonly chatId: string;
      readonly sequence: number;
      readonly to: readonly string[];
      readonly content?: string;
      readonly exclude?: string;
    }[],
  ): Promise<void> {
    const request = create(DeliverMessagesRequestSchema, {
      deliveries: deliveries.map(({ chatId, sequence, to, content, exclude }) =>
        create(DeliverySchema, {
          userIds: [...to],
          message: create(MessageSchema, {
            messageId: `msg_${sequence}`,
            chatId,
            sequence: BigInt(sequence),
            senderId: "user_S",
            content: content ?? `text ${sequence}`,
            contentType: "text/plain",
            createdAt: "2026-01-31T10:00:00.000Z",
          }),
          ...(exclude === undefined ? {} : { excludeConnectionId: exclude }),
        }),
      ),
    });
    await this.gateway.service.deliverMessages(request, undefined as never);
  }

  async #persist(items: readonly PersistItem[]) {
    this.calls.push(items);
    await this.persist(items);
    return create(PersistMessagesResponseSchema, {
      results: items.map((item) => {
        const sequence = (this.#sequences.get(item.chatId) ?? 0) + 1;
        this.#sequences.set(item.chatId, sequence);
        return create(PersistItemResultSchema, {
          requestKey: item.requestKey,
          outcome: {
            case: "success",
            value: {
              messageId: `msg_${item.chatId.slice(5)}${sequence}`,
              sequence: BigInt(sequence),
              createdAt: "2026-01-31T10:00:00.000Z",
              deduplicated: false,
            },
          },
        });
      }),
    });
  }
}

export function deviceOf(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

export function sendFrame(number: number, chatId = "chat_1", content = `text ${number}`) {
  return {
    type: "send_message",
    request_id: `r${number}`,
    payload: {
      client_message_id: `550e8400-e29b-41d4-a716-${number.toString(16).padStart(12, "0")}`,
      chat_id: chatId,
      content,
    },
  };
}
