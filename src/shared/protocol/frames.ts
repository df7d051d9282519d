/** The frames of protocol version 1: one JSON object per WebSocket text message. Field names are the wire's. */

/** UTC, ISO 8601 with milliseconds. */
export type Iso = string;

export interface SendMessageFrame {
  readonly type: "send_message";
  readonly request_id: string;
  readonly payload: {
    /** UUID, stable over every retry of the same message. */
    readonly client_message_id: string;
    readonly chat_id: string;
    /** 1-4096 bytes of UTF-8. */
    readonly content: string;
    readonly content_type?: string;
  };
}

/** Cumulative: covers every sequence up to the value. Never answered. */
export interface AckFrame {
  readonly type: "ack";
  readonly payload: { readonly chat_id: string; readonly last_acked_sequence: number };
}

export interface SyncRequestFrame {
  readonly type: "sync_request";
  readonly request_id: string;
  readonly payload: {
    readonly chat_id: string;
    /** Exclusive lower bound; 0 = the whole history. */
    readonly last_acked_sequence: number;
    /** 1-500, default 100; larger values are treated as 500. */
    readonly limit?: number;
  };
}

export interface HeartbeatFrame {
  readonly type: "heartbeat";
  readonly request_id?: string;
  readonly payload: Readonly<Record<string, never>>;
}

export interface TypingFrame {
  readonly type: "typing_start" | "typing_stop";
  readonly payload: { readonly chat_id: string };
}

export type ClientFrame = SendMessageFrame | AckFrame | SyncRequestFrame | HeartbeatFrame | TypingFrame;

/** First frame on every connection. */
export interface ConnectionEstablishedFrame {
  readonly type: "connection_established";
  readonly timestamp: Iso;
  readonly payload: {
    readonly connection_id: string;
    readonly user_id: string;
    readonly device_id: string;
    readonly server_time: Iso;
    readonly heartbeat_interval_ms: number;
    readonly protocol_version: 1;
  };
}

export interface SendMessageAckFrame {
  readonly type: "send_message_ack";
  readonly request_id: string;
  readonly timestamp: Iso;
  readonly payload: {
    /** As sent. */
    readonly client_message_id: string;
    readonly message_id: string;
    readonly chat_id: string;
    readonly sequence: number;
    readonly created_at: Iso;
  };
}

export interface MessagePayload {
  readonly message_id: string;
  readonly chat_id: string;
  readonly sequence: number;
  readonly sender_id: string;
  readonly content: string;
  readonly content_type: "text/plain";
  readonly created_at: Iso;
}

/** A push: best effort, possibly repeated, never an answer. */
export interface MessageFrame {
  readonly type: "message";
  readonly timestamp: Iso;
  readonly payload: MessagePayload;
}

export interface SyncResponseFrame {
  readonly type: "sync_response";
  readonly request_id: string;
  readonly timestamp: Iso;
  readonly payload: {
    readonly chat_id: string;
    /** Strictly ascending, dense, all above the cursor. */
    readonly messages: readonly Omit<MessagePayload, "chat_id">[];
    readonly has_more: boolean;
    /** Only if has_more: last returned sequence + 1. */
    readonly next_sequence?: number;
  };
}

export interface HeartbeatAckFrame {
  readonly type: "heartbeat_ack";
  readonly request_id?: string;
  readonly timestamp: Iso;
  readonly payload: { readonly server_time: Iso };
}

export interface ErrorFrame {
  readonly type: "error";
  readonly request_id?: string;
  readonly timestamp: Iso;
  readonly payload: {
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
}

export interface ConnectionClosingFrame {
  readonly type: "connection_closing";
  readonly timestamp: Iso;
  readonly payload: {
    readonly reason: string;
    readonly message: string;
    /** The client adds its own jitter. */
    readonly reconnect_delay_ms: number;
    readonly reconnect_allowed: boolean;
  };
}

export interface TypingIndicatorFrame {
  readonly type: "typing_indicator";
  readonly timestamp: Iso;
  readonly payload: { readonly chat_id: string; readonly user_id: string; readonly is_typing: boolean };
}

export type ServerFrame =
  | ConnectionEstablishedFrame
  | SendMessageAckFrame
  | MessageFrame
  | SyncResponseFrame
  | HeartbeatAckFrame
  | ErrorFrame
  | ConnectionClosingFrame
  | TypingIndicatorFrame;
