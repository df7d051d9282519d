/** The connection plane, composed: handshakes, sockets' events, the delivery service, the drain. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { limits } from "../shared/domain/limits.ts";
import {
  DeliverMessagesResponseSchema,
  DeliveryResultSchema,
  type GatewayService,
} from "../shared/gen/messaging/v1/gateway_pb.js";
import { type CloseReason, closeCodes } from "../shared/protocol/close-codes.ts";
import { AckForwarder } from "./ack-forwarder.ts";
import { Connection, type ConnectionContext, type ConnectionInit } from "./connection.ts";
import { deliver } from "./deliver.ts";
import { drainGateway } from "./drain.ts";
import { connectionEstablished } from "./encode-frame.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { FrameHandler } from "./handle-frame.ts";
import { Hub } from "./hub.ts";
import { Liveness } from "./liveness.ts";
import type { OutboxTotal } from "./outbox.ts";
import { RecentRecipients } from "./recent-recipients.ts";
import { RevocationWatch } from "./revocation-watch.ts";
import { routeOf } from "./route.ts";
import { SendCoalescer } from "./send-coalescer.ts";
import { SendLimits } from "./send-limits.ts";
import type { Socket } from "./socket.ts";
import { Topics } from "./topics.ts";
import { Typing } from "./typing.ts";
import { checkUpgrade, type UpgradeOutcome, type UpgradeRequest } from "./upgrade.ts";

export interface Gateway {
  readonly service: ServiceImpl<typeof GatewayService>;
  /** Checks a handshake and registers it. After `ok`, call `opened` or `abandoned` with the connection. */
  handshake(request: UpgradeRequest): Promise<UpgradeOutcome>;
  connectionFor(init: ConnectionInit): Connection;
  opened(connection: Connection, socket: Socket): void;
  abandoned(connection: Connection): void;
  onText(connection: Connection, text: string, bytes: number): void;
  onBinary(connection: Connection): void;
  onDrain(connection: Connection): void;
  onClosed(connection: Connection): void;
  readonly connections: number;
  readonly draining: boolean;
  drain(): Promise<void>;
}

const topicsMax = 50_000;
const topicIdleMs = 300_000;

export function createGateway(deps: GatewayDeps): Gateway {
  const { clock, logger, routing, presence, settings } = deps;
  const hub = new Hub();
  const outboxTotal: OutboxTotal = { bytes: 0 };
  const timestamp = (): string => isoTime(clock.nowMs());
  const topics = new Topics({
    clock,
    hub,
    publisher: deps.topics,
    connectionsMin: settings.topicConnectionsMin,
    topicsMax,
    idleMs: topicIdleMs,
  });
  const liveness = new Liveness(deps, hub);
  const recipients = new RecentRecipients(hub);
  const coalescer = new SendCoalescer({ ...deps, timestamp });
  const acks = new AckForwarder(deps);
  const revocationWatch = new RevocationWatch(deps, hub);
  let draining = false;

  const context: ConnectionContext = {
    settings,
    outboxTotal,
    timestamp,
    monotonicMs: () => clock.monotonicMs(),
    onBlocked: (connection) => topics.blocked(connection),
    onDrained: (connection) => topics.drained(connection),
    onDeadlineNearer: (connection, dueMs) => liveness.watch(connection, dueMs),
    onClosing: (connection, reason) => left(connection, reason),
    onTotalExceeded: () => shedFullest(hub, outboxTotal, settings.outbox.totalBytesMax),
  };
  const frames = new FrameHandler({
    ...deps,
    coalescer,
    acks,
    sendLimits: new SendLimits(deps),
    typing: new Typing({
      clock,
      enabled: settings.typingEnabled,
      timestamp,
      audienceOf: (chatId) => recipients.connectionsOf(chatId),
    }),
    timestamp,
    draining: () => draining,
    onHeartbeat: (connection) => liveness.heartbeat(connection),
  });
  const stopListening = routing.onClose(settings.serverId, ({ connectionId, reason }) => {
    hub.get(connectionId)?.close(reason, 0);
  });

  /** Out of the hub and the routing table, once, whoever closed first. */
  const left = (connection: Connection, reason: CloseReason | "client"): void => {
    topics.disconnected(connection);
    if (!hub.remove(connection)) return;
    const { init } = connection;
    logger.debug("connection_closed", { connection_id: init.connectionId, reason });
    void unregister(init);
  };
  const unregister = async (init: ConnectionInit): Promise<void> => {
    try {
      const live = await routing.unregister(routeOf(init, settings.serverId));
      await presence.record(init.userId, live + 1, live);
    } catch (error) {
      logger.warn("unregister_failed", { connection_id: init.connectionId, error });
    }
  };

  return {
    service: {
      async deliverMessages(request) {
        if (request.deliveries.length > limits.deliveriesPerCallMax) {
          throw new TriplaneError(
            "VALIDATION_ERROR",
            `${request.deliveries.length} deliveries, limit ${limits.deliveriesPerCallMax}`,
          );
        }
        const handedOverAt = timestamp();
        const counts = deliver(hub, topics, recipients, request.deliveries, handedOverAt);
        return create(DeliverMessagesResponseSchema, {
          results: counts.map((count) => create(DeliveryResultSchema, { ...count, handedOverAt })),
        });
      },
    },
    handshake: (request) => checkUpgrade(deps, request, { draining, connections: hub.size }),
    connectionFor: (init) => new Connection(init, context),
    opened(connection, socket) {
      const { init } = connection;
      connection.open(socket);
      hub.add(connection);
      const serverTime = timestamp();
      connection.control(
        connectionEstablished({
          connection_id: init.connectionId,
          user_id: init.userId,
          device_id: init.deviceId,
          server_time: serverTime,
          heartbeat_interval_ms: settings.heartbeatIntervalMs,
          protocol_version: limits.protocolVersion,
        }),
      );
      connection.flush();
      topics.connected(connection);
      liveness.opened(connection);
      if (draining) connection.announce("server_shutdown", 0);
    },
    abandoned(connection) {
      connection.gone();
      void unregister(connection.init);
    },
    onText: (connection, text, bytes) => frames.onText(connection, text, bytes),
    onBinary(connection) {
      connection.socket?.close(closeCodes.unsupportedData, "text frames only");
    },
    onDrain: (connection) => connection.drained(),
    onClosed(connection) {
      connection.gone();
      left(connection, "client");
    },
    get connections() {
      return hub.size;
    },
    get draining() {
      return draining;
    },
    async drain() {
      draining = true;
      await drainGateway(deps, hub, coalescer, acks);
      stopListening();
      revocationWatch.close();
      liveness.close();
    },
  };
}

/** Closes the fullest connections first until the process is below its bound. */
function shedFullest(hub: Hub, total: OutboxTotal, totalBytesMax: number): void {
  const byFill = [...hub.all()]
    .filter((connection) => (connection.outbox?.bytes ?? 0) > 0)
    .sort((a, b) => (b.outbox?.bytes ?? 0) - (a.outbox?.bytes ?? 0));
  for (const connection of byFill) {
    if (total.bytes <= totalBytesMax) return;
    connection.close("slow_consumer", 0);
  }
}
