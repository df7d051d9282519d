/** Turns the frames of one client, as they are on the wire, into events of a history. */
import type { ClientFrame, MessagePayload, ServerFrame } from "../../src/shared/protocol/frames.ts";
import type { HistoryEvent, ObservedMessage } from "./history.ts";

export class FrameRecorder {
  readonly #client: string;
  readonly #write: (event: HistoryEvent) => void;
  readonly #nowMs: () => number;
  /** undefined while there is no established connection. */
  #connectionId: string | undefined;
  readonly #attempts = new Map<string, number>();

  constructor(client: string, write: (event: HistoryEvent) => void, nowMs: () => number) {
    this.#client = client;
    this.#write = write;
    this.#nowMs = nowMs;
  }

  onFrame(direction: "in" | "out", text: string): void {
    const frame = parse(text);
    if (direction === "out") this.#sent(frame as ClientFrame);
    else if (frame === undefined) this.#malformed();
    else this.#received(frame as ServerFrame & { readonly request_id?: string });
  }

  onDisconnected(): void {
    if (this.#connectionId === undefined) return;
    this.#write({ kind: "connection_closed", ...this.#on(), code: 1006 });
    this.#connectionId = undefined;
  }

  #on(): { atMs: number; client: string; connectionId: string } {
    // A frame before connection_established gets an id that no connection has: the checker reports it.
    const connectionId = this.#connectionId ?? `unestablished ${this.#client}`;
    return { atMs: this.#nowMs(), client: this.#client, connectionId };
  }

  #sent(frame: ClientFrame): void {
    switch (frame.type) {
      case "send_message": {
        const { chat_id: chatId, client_message_id: clientMessageId, content } = frame.payload;
        const key = `${chatId} ${clientMessageId}`;
        const attempt = this.#attempts.get(key) ?? 0;
        this.#attempts.set(key, attempt + 1);
        const send = { requestId: frame.request_id, chatId, clientMessageId, content, attempt };
        this.#write({ kind: "send_started", ...this.#on(), ...send });
        return;
      }
      case "sync_request": {
        const { chat_id: chatId, last_acked_sequence: cursor, limit = null } = frame.payload;
        const ask = { requestId: frame.request_id, chatId, cursor, limit };
        this.#write({ kind: "sync_started", ...this.#on(), ...ask });
        return;
      }
      case "heartbeat":
        this.#write({ kind: "heartbeat_sent", ...this.#on(), requestId: frame.request_id ?? null });
        return;
      case "ack": {
        const { chat_id: chatId, last_acked_sequence: sequence } = frame.payload;
        this.#write({ kind: "watermark_sent", ...this.#on(), chatId, sequence });
        return;
      }
      default:
        return;
    }
  }

  #received(frame: ServerFrame & { readonly request_id?: string }): void {
    const requestId = frame.request_id ?? null;
    switch (frame.type) {
      case "connection_established":
        // The client may have let go of the connection before without a word.
        this.onDisconnected();
        this.#connectionId = frame.payload.connection_id;
        this.#write({ kind: "connection_established", ...this.#on() });
        return;
      case "send_message_ack": {
        const { chat_id: chatId, client_message_id: clientMessageId, sequence } = frame.payload;
        const { message_id: messageId, created_at: createdAt } = frame.payload;
        const ack = { requestId, chatId, clientMessageId, messageId, sequence, createdAt };
        this.#write({ kind: "ack_received", ...this.#on(), ...ack });
        return;
      }
      case "message": {
        const { chat_id: chatId } = frame.payload;
        const message = observedMessage(frame.payload);
        this.#write({ kind: "message_pushed", ...this.#on(), requestId, chatId, message });
        return;
      }
      case "sync_response": {
        const { chat_id: chatId, has_more: hasMore, next_sequence: nextSequence = null } = frame.payload;
        const messages = frame.payload.messages.map(observedMessage);
        this.#write({
          kind: "page_received",
          ...this.#on(),
          requestId,
          chatId,
          messages,
          hasMore,
          nextSequence,
        });
        return;
      }
      case "heartbeat_ack":
        this.#write({ kind: "heartbeat_acked", ...this.#on(), requestId });
        return;
      case "error":
        this.#write({ kind: "error_received", ...this.#on(), requestId, code: frame.payload.code });
        return;
      default:
        return;
    }
  }

  #malformed(): void {
    this.#write({ kind: "error_received", ...this.#on(), requestId: null, code: "MALFORMED_FRAME" });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function observedMessage(
  message: Pick<MessagePayload, "message_id" | "sequence" | "sender_id" | "content" | "created_at">,
): ObservedMessage {
  return {
    messageId: message.message_id,
    sequence: message.sequence,
    senderId: message.sender_id,
    content: message.content,
    createdAt: message.created_at,
  };
}
