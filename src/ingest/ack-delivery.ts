/**
 * Delivery watermarks (durability contract, section 6.4): soft membership check, bound by the chat's counter,
 * then a monotonic update. Nothing is reported to the client: it acknowledges again later.
 */
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import type { IngestDeps } from "./ingest-deps.ts";

export interface Ack {
  readonly chatId: ChatId;
  readonly userId: UserId;
  readonly sequence: number;
}

/** @returns how many acks were taken; the others were from non-members or beyond the newest message. */
export async function ackDelivery(
  deps: Pick<IngestDeps, "clock" | "logger" | "messages" | "chats" | "deliveryStates">,
  acks: readonly Ack[],
): Promise<number> {
  if (acks.length === 0) return 0;
  const [memberships, counters] = await Promise.all([
    deps.chats.memberships(acks),
    deps.messages.counters(acks.map((ack) => ack.chatId)),
  ]);
  const nowMs = deps.clock.nowMs();
  const taken = acks.filter((ack, index) => {
    const counter = counters[index];
    return memberships[index] !== undefined && counter !== undefined && ack.sequence <= counter.sequence;
  });
  if (taken.length < acks.length) deps.logger.debug("acks_dropped", { count: acks.length - taken.length });
  if (taken.length > 0) {
    await deps.deliveryStates.advance(taken.map((ack) => ({ ...ack, nowMs })));
  }
  return taken.length;
}
