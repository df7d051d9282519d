/**
 * Pushes deliveries to the connections held here: each serialised once, by topic or socket by socket, frames of
 * one call handed over together. Never waits for a client; keeps the order of arrival per connection.
 */
import type { ConnectionId, UserId } from "../shared/domain/ids.ts";
import type { Delivery } from "../shared/gen/messaging/v1/gateway_pb.js";
import type { Connection } from "./connection.ts";
import { messagePush } from "./encode-frame.ts";
import type { Hub } from "./hub.ts";
import type { RecentRecipients } from "./recent-recipients.ts";
import type { Topics } from "./topics.ts";

export interface DeliveryCount {
  readonly attempted: number;
  /** Refused by a full outbox: these connections will be closed and sync. */
  readonly refused: number;
}

export function deliver(
  hub: Hub,
  topics: Topics,
  recipients: RecentRecipients,
  deliveries: readonly Delivery[],
  timestamp: string,
): readonly DeliveryCount[] {
  const touched = new Set<Connection>();
  const counts = deliveries.map((delivery): DeliveryCount => {
    const { message, userIds } = delivery;
    if (message === undefined) return { attempted: 0, refused: 0 };
    recipients.note(message.chatId, userIds);
    const frame = messagePush(message, timestamp);
    const bytes = Buffer.byteLength(frame, "utf8");
    const excluded =
      delivery.excludeConnectionId === undefined
        ? undefined
        : hub.get(delivery.excludeConnectionId as ConnectionId);
    const byTopic = topics.push(message.chatId, userIds, frame, bytes, excluded);
    if (byTopic !== undefined) return byTopic;
    let attempted = 0;
    let refused = 0;
    for (const userId of userIds) {
      for (const connection of hub.of(userId as UserId)) {
        if (connection === excluded) continue;
        attempted++;
        if (connection.push(frame, bytes)) touched.add(connection);
        else refused++;
      }
    }
    return { attempted, refused };
  });
  for (const connection of touched) connection.flush();
  return counts;
}
