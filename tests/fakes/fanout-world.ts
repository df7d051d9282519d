/** A fan-out worker between a log, members, routes and gateways that a test holds in its hand. */
import { FanoutConsumer } from "../../src/fanout/consume.ts";
import { defaultFanoutSettings, type FanoutDeps, type FanoutSettings } from "../../src/fanout/fanout-deps.ts";
import { MemoryMemberCache } from "../../src/fanout/member-cache.ts";
import { TriplaneError } from "../../src/shared/domain/errors.ts";
import type { ChatId, UserId } from "../../src/shared/domain/ids.ts";
import type { Delivery } from "../../src/shared/gen/messaging/v1/gateway_pb.js";
import type { LogFields, Logger } from "../../src/shared/runtime/logger.ts";
import type { EventLog } from "../../src/shared/stores/event-log.ts";
import { SeededRandom } from "../simulation/seeded-random.ts";
import { VirtualClock } from "../simulation/virtual-clock.ts";
import { FaultyEventLog } from "./event-log.ts";

export interface Delivered {
  readonly serverId: string;
  readonly atMs: number;
  readonly chatId: string;
  readonly sequence: number;
  readonly userIds: readonly string[];
  readonly excluded: string | undefined;
}

export class FanoutWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly log = new FaultyEventLog(this.clock);
  readonly members = new Map<string, readonly string[]>();
  readonly servers = new Map<string, readonly string[]>();
  readonly registered = new Set<string>(["gw-1", "gw-2"]);
  readonly delivered: Delivered[] = [];
  readonly attempts: { readonly serverId: string; readonly atMs: number }[] = [];
  readonly logged: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
  readonly cache = new MemoryMemberCache(this.clock);
  memberReads = 0;
  failMemberReads = 0;
  failRouting = 0;
  /** Deliveries to these gateways fail this many times. */
  readonly failing = new Map<string, number>();
  /** Called before each delivery; what it throws is a crash of the worker's own code when `crash` is thrown by routing. */
  onRouting: (userIds: readonly string[]) => void = () => undefined;
  onDeliver: () => Promise<void> = async () => undefined;
  /** Holds a member read back until released. */
  holdMembers: Promise<void> | undefined;

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
  }

  deps(settings: Partial<FanoutSettings> = {}, log: EventLog = this.log): FanoutDeps {
    const note = (event: string, fields?: LogFields): void => void this.logged.push({ event, fields });
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    return {
      clock: this.clock,
      random: this.random,
      logger,
      log,
      chats: { listMembers: (chatId) => this.#listMembers(chatId) },
      members: this.cache,
      routing: { serversOf: (userIds) => this.#serversOf(userIds) },
      gateways: {
        deliver: (serverId, deliveries) => this.#deliver(serverId, deliveries),
        knows: (serverId) => this.registered.has(serverId),
      },
      settings: { ...defaultFanoutSettings, ...settings },
    };
  }

  async start(settings: Partial<FanoutSettings> = {}): Promise<FanoutConsumer> {
    const consumer = new FanoutConsumer(this.deps(settings));
    await consumer.start();
    return consumer;
  }

  /** Closing waits for the poll under way. */
  async stop(worker: FanoutConsumer): Promise<void> {
    let closed = false;
    void worker.close().then(() => {
      closed = true;
    });
    await this.clock.runUntil(() => closed, 60_000);
  }

  message(chatId: string, sequence: number, change: Readonly<Record<string, unknown>> = {}) {
    return this.log.put(
      "messages.persisted",
      chatId,
      JSON.stringify(messagePersisted(chatId, sequence, change)),
    );
  }

  membershipChanged(chatId: string) {
    return this.log.put(
      "memberships.changed",
      chatId,
      JSON.stringify({
        ...envelope(chatId, "MembershipChanged"),
        payload: {
          chat_id: chatId,
          user_id: "user_X",
          change_type: "added",
          role: "member",
          changed_by: "user_A",
          member_count_after: 3,
          changed_at: "2026-01-31T10:00:00.000Z",
        },
      }),
    );
  }

  sequencesOf(chatId: string): readonly number[] {
    return this.delivered.filter((one) => one.chatId === chatId).map(({ sequence }) => sequence);
  }

  async #listMembers(chatId: ChatId) {
    this.memberReads++;
    const userIds = this.members.get(chatId) ?? [];
    await this.holdMembers;
    if (this.failMemberReads > 0) {
      this.failMemberReads--;
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    return userIds.map((userId) => ({
      chatId,
      userId: userId as UserId,
      role: "member" as const,
      joinedAtMs: 1,
      mutedUntil: null,
    }));
  }

  async #serversOf(userIds: readonly UserId[]) {
    this.onRouting(userIds);
    if (this.failRouting > 0) {
      this.failRouting--;
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    return userIds.map((userId) => this.servers.get(userId) ?? []);
  }

  async #deliver(serverId: string, deliveries: readonly Delivery[]): Promise<void> {
    const atMs = this.clock.nowMs();
    this.attempts.push({ serverId, atMs });
    await this.onDeliver();
    const failures = this.failing.get(serverId) ?? 0;
    if (failures > 0) {
      this.failing.set(serverId, failures - 1);
      throw new TriplaneError("SERVICE_UNAVAILABLE", "planted");
    }
    for (const { message, userIds, excludeConnectionId } of deliveries) {
      this.delivered.push({
        serverId,
        atMs,
        chatId: message?.chatId ?? "",
        sequence: Number(message?.sequence),
        userIds,
        excluded: excludeConnectionId,
      });
    }
  }
}

function envelope(chatId: string, type: string) {
  return {
    event_id: "evt_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    event_type: type,
    event_version: 1,
    event_time: "2026-01-31T10:00:00.000Z",
    partition_key: chatId,
    producer_id: "ingest-1",
    trace_id: "0".repeat(32),
  };
}

export function messagePersisted(
  chatId: string,
  sequence: number,
  change: Readonly<Record<string, unknown>> = {},
) {
  return {
    ...envelope(chatId, "MessagePersisted"),
    payload: {
      message_id: `msg_${chatId.slice(5)}${sequence}`,
      chat_id: chatId,
      sequence,
      sender_id: "user_A",
      content: `message ${sequence}`,
      content_type: "text/plain",
      client_message_id: "550e8400-e29b-41d4-a716-446655440000",
      created_at: "2026-01-31T10:00:00.000Z",
      ...change,
    },
  };
}
