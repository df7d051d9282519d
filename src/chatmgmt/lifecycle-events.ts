/**
 * Publishes what happened to chats and memberships, after it was committed. The change stands even when its event
 * cannot be published: member lists are then stale until their cache expires.
 */
import { isoTime, sleep } from "../shared/domain/clock.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import {
  type ChatCreated,
  encodeEvent,
  type MembershipChanged,
  traceIdOf,
} from "../shared/events/envelope.ts";
import { computePartition } from "../shared/events/partitioner.ts";
import type { RequestInfo } from "../shared/rpc/request-info.ts";
import type { Chat, Membership } from "../shared/stores/chat-store.ts";
import { type NewLogRecord, type Topic, topics } from "../shared/stores/event-log.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "eventLog" | "clock" | "ids" | "logger" | "metrics" | "producerId">;

type LifecycleEvent = ChatCreated | MembershipChanged;

export interface MembershipChange {
  readonly changeType: "added" | "removed" | "role_changed";
  /** After the change; for a removal the role that was lost. */
  readonly role: Membership["role"];
  readonly userId: UserId;
  readonly changedBy: UserId;
  readonly memberCountAfter: number;
  readonly changedAtMs: number;
}

export interface MembershipChangeOf extends MembershipChange {
  readonly chatId: ChatId;
}

const topicOf: Readonly<Record<LifecycleEvent["event_type"], Topic>> = {
  ChatCreated: "chats.created",
  MembershipChanged: "memberships.changed",
};

/** One account can leave hundreds of groups at once. */
const eventsPerAppendMax = 100;
const retryDelaysMs = [100, 500, 2000] as const;

/** `ChatCreated`, and for a group one `MembershipChanged` for each invited user in the order of the request. */
export async function publishChatCreated(
  deps: Deps,
  info: RequestInfo,
  chat: Chat,
  invited: readonly UserId[],
): Promise<void> {
  const created: ChatCreated = {
    ...envelope(deps, info, chat),
    event_type: "ChatCreated",
    payload: {
      chat_id: chat.chatId,
      chat_type: chat.type,
      name: chat.name,
      status: "active",
      created_by: chat.createdBy,
      member_count: chat.memberCount,
      initial_members: [chat.createdBy, ...invited],
      created_at: isoTime(chat.createdAtMs),
    },
  };
  const added = chat.type === "direct" ? [] : invited;
  const changes = added.map((userId) =>
    membershipChanged(deps, info, chat, {
      changeType: "added",
      role: "member",
      userId,
      changedBy: chat.createdBy,
      memberCountAfter: chat.memberCount,
      changedAtMs: chat.createdAtMs,
    }),
  );
  await publish(deps, info, [created, ...changes]);
}

export async function publishMembershipChanged(
  deps: Deps,
  info: RequestInfo,
  chat: Pick<Chat, "chatId">,
  change: MembershipChange,
): Promise<void> {
  await publish(deps, info, [membershipChanged(deps, info, chat, change)]);
}

/** Changes of several chats that were committed together, in order. */
export async function publishMembershipsChanged(
  deps: Deps,
  info: RequestInfo,
  changes: readonly MembershipChangeOf[],
): Promise<void> {
  for (let from = 0; from < changes.length; from += eventsPerAppendMax) {
    const some = changes.slice(from, from + eventsPerAppendMax);
    await publish(
      deps,
      info,
      some.map((change) => membershipChanged(deps, info, change, change)),
    );
  }
}

/** Never throws. */
async function publish(deps: Deps, info: RequestInfo, events: readonly LifecycleEvent[]): Promise<void> {
  const records = events.map((event) => recordOf(deps, info, event));
  for (let attempt = 0; ; attempt += 1) {
    try {
      await deps.eventLog.append(records);
      return;
    } catch (error) {
      const delayMs = retryDelaysMs[attempt];
      if (delayMs === undefined) {
        giveUp(deps, events, error);
        return;
      }
      await sleep(deps.clock, delayMs);
    }
  }
}

function giveUp(deps: Deps, events: readonly LifecycleEvent[], error: unknown): void {
  deps.logger.error("lifecycle_event_publish_failed", {
    chat_id: events[0]?.partition_key,
    event_types: [...new Set(events.map((event) => event.event_type))],
    events: events.length,
    error,
  });
  for (const event of events) {
    deps.metrics.count("kafka_lifecycle_publish_failures_total", { event_type: event.event_type });
  }
}

function recordOf(deps: Deps, info: RequestInfo, event: LifecycleEvent): NewLogRecord {
  const topic = topicOf[event.event_type];
  return {
    topic,
    key: event.partition_key,
    partition: computePartition(event.partition_key, topics[topic].partitions),
    value: encodeEvent(event),
    headers: {
      "x-request-id": info.requestId,
      ...(info.traceparent === undefined ? {} : { traceparent: info.traceparent }),
    },
    timestampMs: deps.clock.nowMs(),
  };
}

function membershipChanged(
  deps: Deps,
  info: RequestInfo,
  chat: Pick<Chat, "chatId">,
  change: MembershipChange,
): MembershipChanged {
  return {
    ...envelope(deps, info, chat),
    event_type: "MembershipChanged",
    payload: {
      chat_id: chat.chatId,
      user_id: change.userId,
      change_type: change.changeType,
      role: change.role,
      changed_by: change.changedBy,
      member_count_after: change.memberCountAfter,
      changed_at: isoTime(change.changedAtMs),
    },
  };
}

function envelope(deps: Deps, info: RequestInfo, chat: Pick<Chat, "chatId">) {
  return {
    event_id: deps.ids.eventId(),
    event_version: 1,
    event_time: isoTime(deps.clock.nowMs()),
    partition_key: chat.chatId,
    producer_id: deps.producerId,
    trace_id: traceIdOf(info.traceparent),
  };
}
