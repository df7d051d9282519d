/**
 * Sends a batch's pushes to the gateways: one call per gateway and chunk, all gateways in parallel, chunks of
 * one gateway one after another so that a chat's pushes keep their order. A failed chunk is repeated in the
 * background, bounded, while its gateway stays registered: the last message of a quiet chat would else leave
 * no hole for the client to notice.
 */
import { create } from "@bufbuild/protobuf";
import { sleep } from "../shared/domain/clock.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import { type MessagePersisted, noTraceId } from "../shared/events/envelope.ts";
import { MessageSchema } from "../shared/gen/messaging/v1/common_pb.js";
import { type Delivery, DeliverySchema } from "../shared/gen/messaging/v1/gateway_pb.js";
import type { FanoutDeps } from "./fanout-deps.ts";
import { membersOf } from "./members.ts";
import { resolveRecipients } from "./resolve-recipients.ts";

export class Dispatcher {
  readonly #deps: FanoutDeps;
  #repeating = 0;

  constructor(deps: FanoutDeps) {
    this.#deps = deps;
  }

  /** Resolves when every delivery was attempted, whatever came of it; never rejects for a delivery. */
  async dispatch(events: readonly MessagePersisted[]): Promise<void> {
    const byServer = await this.#resolve(events);
    await Promise.all([...byServer].map(([serverId, deliveries]) => this.#send(serverId, deliveries)));
  }

  async #resolve(events: readonly MessagePersisted[]): Promise<ReadonlyMap<string, Delivery[]>> {
    const { logger, routing } = this.#deps;
    const members = new Map<string, readonly UserId[]>();
    const chatIds = [...new Set(events.map((event) => event.partition_key))];
    await Promise.all(
      chatIds.map(async (chatId) => {
        members.set(chatId, (await membersOf(this.#deps, chatId as ChatId)) ?? []);
      }),
    );
    const users = [...new Set([...members.values()].flat())];
    const byServer = new Map<string, Delivery[]>();
    let servers: readonly (readonly string[])[];
    try {
      servers = await routing.serversOf(users);
    } catch (error) {
      logger.warn("routing_lookup_failed", { error, skipped: events.length });
      return byServer;
    }
    const serversOf = new Map(users.map((userId, index) => [userId, servers[index] ?? []] as const));
    const recipients = new Map<string, ReadonlyMap<string, readonly UserId[]>>();
    for (const [chatId, userIds] of members) recipients.set(chatId, resolveRecipients(userIds, serversOf));
    for (const event of events) {
      for (const [serverId, userIds] of recipients.get(event.partition_key) ?? []) {
        const deliveries = byServer.get(serverId);
        if (deliveries === undefined) byServer.set(serverId, [deliveryOf(event, userIds)]);
        else deliveries.push(deliveryOf(event, userIds));
      }
    }
    return byServer;
  }

  async #send(serverId: string, deliveries: readonly Delivery[]): Promise<void> {
    for (let from = 0; from < deliveries.length; from += limits.deliveriesPerCallMax) {
      const chunk = deliveries.slice(from, from + limits.deliveriesPerCallMax);
      try {
        await this.#deps.gateways.deliver(serverId, chunk, this.#deps.settings.deliveryTimeoutMs);
      } catch (error) {
        this.#deps.logger.warn("delivery_skipped", { server_id: serverId, count: chunk.length, error });
        void this.#repeat(serverId, chunk);
      }
    }
  }

  async #repeat(serverId: string, chunk: readonly Delivery[]): Promise<void> {
    const { clock, gateways, settings } = this.#deps;
    if (this.#repeating + chunk.length > settings.redispatchMax) return;
    this.#repeating += chunk.length;
    try {
      for (const delayMs of settings.redispatchDelaysMs) {
        await sleep(clock, delayMs);
        if (!gateways.knows(serverId)) return;
        try {
          await gateways.deliver(serverId, chunk, settings.deliveryTimeoutMs);
          return;
        } catch {
          // The next delay, or sync, takes over.
        }
      }
    } finally {
      this.#repeating -= chunk.length;
    }
  }
}

function deliveryOf(event: MessagePersisted, userIds: readonly UserId[]): Delivery {
  const { payload } = event;
  return create(DeliverySchema, {
    userIds: userIds as UserId[],
    message: create(MessageSchema, {
      messageId: payload.message_id,
      chatId: payload.chat_id,
      sequence: BigInt(payload.sequence),
      senderId: payload.sender_id,
      content: payload.content,
      contentType: payload.content_type,
      createdAt: payload.created_at,
    }),
    traceId: event.trace_id === "" ? noTraceId : event.trace_id,
    ...(payload.origin_connection_id === undefined
      ? {}
      : { excludeConnectionId: payload.origin_connection_id }),
  });
}
