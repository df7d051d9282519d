/** G-12, I-13: only members write and read; pushes to former members end soon; members are not refused. */
import type { CheckOptions } from "./check-options.ts";
import type { HistoryEvent } from "./history.ts";
import { type Exchange, type RecordedHistory, requestKey, type SendRecord } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkMembership(recorded: RecordedHistory, options: CheckOptions): Generator<Violation> {
  for (const event of recorded.events) {
    if (event.kind === "message_pushed") {
      const graceStart = event.atMs - options.memberGraceMs;
      if (couldBeMember(recorded, event.client, event.chatId, graceStart, event.atMs)) continue;
      yield violation("push_to_outsider", `${event.client} got ${event.chatId}`, event);
    }
    const read = readOf(recorded, event);
    if (read === undefined) continue;
    if (recorded.memberships.couldBeMember(read.chatId, read.userId, read.startedAtMs, event.atMs)) continue;
    yield violation("read_by_outsider", `${read.userId} read ${read.chatId}`, event);
  }
  for (const exchange of recorded.exchanges.values()) yield* memberRefused(recorded, exchange);
  for (const message of recorded.store.messages) {
    if (message.clientMessageId === null) continue;
    const send = recorded.sends.get(sendKey(message.chatId, message.clientMessageId));
    if (send === undefined || send.exchanges.some((exchange) => authorized(recorded, send, exchange)))
      continue;
    yield violation("stored_for_outsider", `${message.chatId}#${message.sequence}`, message, send.exchanges);
  }
}

function couldBeMember(
  recorded: RecordedHistory,
  client: string,
  chatId: string,
  fromMs: number,
  toMs: number,
): boolean {
  const userId = recorded.clients.get(client)?.userId;
  return userId !== undefined && recorded.memberships.couldBeMember(chatId, userId, fromMs, toMs);
}

function readOf(
  recorded: RecordedHistory,
  event: HistoryEvent,
): { userId: string; chatId: string; startedAtMs: number } | undefined {
  if (event.kind === "history_read") return event;
  if (event.kind !== "page_received" || event.requestId === null) return undefined;
  const asked = recorded.exchanges.get(requestKey(event.connectionId, event.requestId))?.request;
  const userId = recorded.clients.get(event.client)?.userId;
  if (asked === undefined || userId === undefined) return undefined;
  return { userId, chatId: event.chatId, startedAtMs: asked.atMs };
}

/** A transmission without an answer may be at work until its connection's end. */
function authorized(recorded: RecordedHistory, send: SendRecord, exchange: Exchange): boolean {
  const { request, answers } = exchange;
  const closedAtMs = recorded.connections.get(request.connectionId)?.closedAtMs ?? Infinity;
  const toMs = answers[0]?.atMs ?? closedAtMs;
  return couldBeMember(recorded, request.client, send.chatId, request.atMs, toMs);
}

function* memberRefused(recorded: RecordedHistory, { request, answers }: Exchange): Generator<Violation> {
  if (request.kind === "heartbeat_sent") return;
  const userId = recorded.clients.get(request.client)?.userId;
  if (userId === undefined) return;
  for (const answer of answers) {
    if (answer.kind !== "error_received" || answer.code !== "NOT_A_MEMBER") continue;
    if (!recorded.memberships.surelyMember(request.chatId, userId, request.atMs, answer.atMs)) continue;
    yield violation("member_refused", `${userId} in ${request.chatId}`, request, answer);
  }
}
