/** Server frames as text. Ids and times need no escaping: they are checked, or made here. */
import type { Message } from "../shared/gen/messaging/v1/common_pb.js";
import { type CloseReason, closeReasons } from "../shared/protocol/close-codes.ts";
import type { SocketErrorCode } from "../shared/protocol/error-codes.ts";
import type {
  ConnectionEstablishedFrame,
  SendMessageAckFrame,
  SyncResponseFrame,
} from "../shared/protocol/frames.ts";

export function connectionEstablished(payload: ConnectionEstablishedFrame["payload"]): string {
  return JSON.stringify({ type: "connection_established", timestamp: payload.server_time, payload });
}

export function sendMessageAck(
  requestId: string,
  timestamp: string,
  payload: SendMessageAckFrame["payload"],
): string {
  return JSON.stringify({ type: "send_message_ack", request_id: requestId, timestamp, payload });
}

/** A push, serialised once for all its recipients. */
export function messagePush(message: Message, timestamp: string): string {
  return (
    `{"type":"message","timestamp":"${timestamp}","payload":{"message_id":"${message.messageId}",` +
    `"chat_id":"${message.chatId}","sequence":${message.sequence},"sender_id":"${message.senderId}",` +
    `"content":${JSON.stringify(message.content)},"content_type":"text/plain","created_at":"${message.createdAt}"}}`
  );
}

export function syncResponse(
  requestId: string,
  timestamp: string,
  payload: SyncResponseFrame["payload"],
): string {
  return JSON.stringify({ type: "sync_response", request_id: requestId, timestamp, payload });
}

export function heartbeatAck(requestId: string | undefined, timestamp: string): string {
  return JSON.stringify({
    type: "heartbeat_ack",
    ...(requestId === undefined ? {} : { request_id: requestId }),
    timestamp,
    payload: { server_time: timestamp },
  });
}

export function errorFrame(
  code: SocketErrorCode,
  message: string,
  timestamp: string,
  requestId: string | undefined,
  details: Readonly<Record<string, unknown>> | undefined,
): string {
  return JSON.stringify({
    type: "error",
    ...(requestId === undefined ? {} : { request_id: requestId }),
    timestamp,
    payload: { code, message, ...(details === undefined ? {} : { details }) },
  });
}

export function connectionClosing(reason: CloseReason, timestamp: string, reconnectDelayMs: number): string {
  const { message, reconnectAllowed } = closeReasons[reason];
  return JSON.stringify({
    type: "connection_closing",
    timestamp,
    payload: {
      reason,
      message,
      reconnect_delay_ms: reconnectDelayMs,
      reconnect_allowed: reconnectAllowed,
    },
  });
}

export function typingIndicator(
  chatId: string,
  userId: string,
  isTyping: boolean,
  timestamp: string,
): string {
  return JSON.stringify({
    type: "typing_indicator",
    timestamp,
    payload: { chat_id: chatId, user_id: userId, is_typing: isTyping },
  });
}
