/**
 * request_response_correlation, send_ack_matches_request, server_push_no_request_id, one_way_messages_no_response,
 * connection_established_required, error_code_is_documented: the frames of a connection fit together.
 */
import type { HistoryEvent } from "./history.ts";
import { type Answer, type RecordedHistory, type Request, requestKey } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

const documentedErrorCodes = new Set([
  "INVALID_MESSAGE",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_A_MEMBER",
  "NOT_FOUND",
  "MESSAGE_TOO_LARGE",
  "INVALID_CONTENT_TYPE",
  "INVALID_ENCODING",
  "INVALID_CONTENT",
  "RATE_LIMITED",
  "SERVER_BUSY",
  "SLOW_CONSUMER",
  "INTERNAL_ERROR",
  "SERVICE_UNAVAILABLE",
]);

export function* checkCorrelation(recorded: RecordedHistory): Generator<Violation> {
  const established = new Set<string>();
  const asked = new Map<string, { request: Request; answer: Answer | undefined }>();
  for (const event of recorded.events) {
    if (event.kind === "connection_established") established.add(event.connectionId);
    else if ("connectionId" in event && !established.has(event.connectionId)) {
      yield violation("before_established", `${event.kind} on ${event.connectionId}`, event);
    }
    if (event.kind === "message_pushed" && event.requestId !== null) {
      yield violation("push_has_request_id", `${event.chatId}#${event.message.sequence}`, event);
    }
    if (event.kind === "error_received" && !documentedErrorCodes.has(event.code)) {
      yield violation("error_code_unknown", event.code, event);
    }
    if (isRequest(event) && event.requestId !== null) {
      const key = requestKey(event.connectionId, event.requestId);
      const namesake = asked.get(key)?.request;
      if (namesake !== undefined) yield violation("request_id_reused", event.requestId, namesake, event);
      asked.set(key, { request: event, answer: undefined });
    }
    if (!isAnswer(event)) continue;
    if (event.requestId === null) {
      if (mustEcho(event)) yield violation("unasked_answer", `${event.kind} without a request id`, event);
      continue;
    }
    const exchange = asked.get(requestKey(event.connectionId, event.requestId));
    if (exchange === undefined) {
      yield violation("unasked_answer", `${event.kind} to ${event.requestId}`, event);
      continue;
    }
    if (exchange.answer !== undefined) {
      yield violation("answered_twice", event.requestId, exchange.request, exchange.answer, event);
      continue;
    }
    exchange.answer = event;
    const misfit = misfitOf(exchange.request, event);
    if (misfit !== undefined) yield violation("answer_mismatched", misfit, exchange.request, event);
  }
}

function isRequest(event: HistoryEvent): event is Request {
  return event.kind === "send_started" || event.kind === "sync_started" || event.kind === "heartbeat_sent";
}

function isAnswer(event: HistoryEvent): event is Answer {
  return (
    event.kind === "ack_received" ||
    event.kind === "error_received" ||
    event.kind === "page_received" ||
    event.kind === "heartbeat_acked"
  );
}

/** Errors may be unsolicited, and heartbeats need no id. */
function mustEcho(answer: Answer): boolean {
  return answer.kind === "ack_received" || answer.kind === "page_received";
}

function misfitOf(request: Request, answer: Answer): string | undefined {
  const pair = `${request.kind} answered by ${answer.kind}`;
  switch (answer.kind) {
    case "error_received":
      return undefined;
    case "heartbeat_acked":
      return request.kind === "heartbeat_sent" ? undefined : pair;
    case "page_received":
      if (request.kind !== "sync_started") return pair;
      return request.chatId === answer.chatId ? undefined : `${request.chatId} answered for ${answer.chatId}`;
    case "ack_received":
      if (request.kind !== "send_started") return pair;
      if (request.chatId !== answer.chatId) return `${request.chatId} answered for ${answer.chatId}`;
      return request.clientMessageId === answer.clientMessageId
        ? undefined
        : `${request.clientMessageId} answered for ${answer.clientMessageId}`;
  }
}
