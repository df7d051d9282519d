/**
 * What a run looked like from outside: everything clients sent, received and showed, in one list with one
 * clock. The checker judges such a history against the final store, so it knows nothing of the server: any
 * harness that can write these events can use it.
 *
 * `atMs` is the moment of observation on one clock for the whole history (monotonic is best); fractions are
 * welcome. Real-time rules only compare strictly different times, so a coarse clock makes the checker
 * blinder, never wrong. `startedAtMs` is the moment just before a request left.
 * Absent values are `null`, so that a line of JSON and the value in memory are the same thing.
 */

/** A message as somebody got to see it. */
export interface ObservedMessage {
  readonly messageId: string;
  readonly sequence: number;
  readonly senderId: string;
  readonly content: string;
  readonly createdAt: string;
}

interface Observed {
  readonly atMs: number;
}
interface OnConnection extends Observed {
  readonly client: string;
  readonly connectionId: string;
}

/** One client installation: a user on a device with its own storage. `cursors`: what it held before (chat -> sequence). */
export interface ClientStarted extends Observed {
  readonly kind: "client_started";
  readonly client: string;
  readonly userId: string;
  readonly cursors: Readonly<Record<string, number>>;
  /** True where the application gets only the gapless part of a chat: its deliveries then ascend. */
  readonly deliversInOrder: boolean;
}
export interface ClientStopped extends Observed {
  readonly kind: "client_stopped";
  readonly client: string;
}
/** The `connection_established` frame arrived. Connection ids are unique in a history. */
export interface ConnectionEstablished extends OnConnection {
  readonly kind: "connection_established";
}
export interface ConnectionClosed extends OnConnection {
  readonly kind: "connection_closed";
  readonly code: number;
}
export interface SendStarted extends OnConnection {
  readonly kind: "send_started";
  readonly requestId: string;
  readonly chatId: string;
  readonly clientMessageId: string;
  readonly content: string;
  /** 0 for the first transmission of a clientMessageId. */
  readonly attempt: number;
}
export interface AckReceived extends OnConnection {
  readonly kind: "ack_received";
  readonly requestId: string | null;
  readonly chatId: string;
  readonly clientMessageId: string;
  readonly messageId: string;
  readonly sequence: number;
  readonly createdAt: string;
}
export interface ErrorReceived extends OnConnection {
  readonly kind: "error_received";
  readonly requestId: string | null;
  readonly code: string;
}
export interface MessagePushed extends OnConnection {
  readonly kind: "message_pushed";
  /** Always null on a correct server. */
  readonly requestId: string | null;
  readonly chatId: string;
  readonly message: ObservedMessage;
}
export interface SyncStarted extends OnConnection {
  readonly kind: "sync_started";
  readonly requestId: string;
  readonly chatId: string;
  readonly cursor: number;
  readonly limit: number | null;
}
export interface PageReceived extends OnConnection {
  readonly kind: "page_received";
  readonly requestId: string | null;
  readonly chatId: string;
  readonly messages: readonly ObservedMessage[];
  readonly hasMore: boolean;
  readonly nextSequence: number | null;
}
export interface HeartbeatSent extends OnConnection {
  readonly kind: "heartbeat_sent";
  readonly requestId: string | null;
}
export interface HeartbeatAcked extends OnConnection {
  readonly kind: "heartbeat_acked";
  readonly requestId: string | null;
}
/** The client acknowledged everything up to `sequence`. */
export interface WatermarkSent extends OnConnection {
  readonly kind: "watermark_sent";
  readonly chatId: string;
  readonly sequence: number;
}
/** The client handed a message to its application for the first time. */
export interface TimelineDelivered extends Observed {
  readonly kind: "timeline_delivered";
  readonly client: string;
  readonly chatId: string;
  readonly message: ObservedMessage;
}
/** What the application shows of a chat, top to bottom. */
export interface TimelineShown extends Observed {
  readonly kind: "timeline_shown";
  readonly client: string;
  readonly chatId: string;
  readonly sequences: readonly number[];
}
/** A page of REST history; `atMs` is when the answer was there. */
export interface HistoryRead extends Observed {
  readonly kind: "history_read";
  readonly startedAtMs: number;
  readonly userId: string;
  readonly chatId: string;
  readonly direction: "forward" | "backward";
  /** Exclusive bounds. */
  readonly after: number | null;
  readonly before: number | null;
  readonly messages: readonly ObservedMessage[];
  readonly hasMore: boolean;
}
/** A watermark that the server told somebody: a delivery-state read or the answer to a REST acknowledgement. */
export interface WatermarkRead extends Observed {
  readonly kind: "watermark_read";
  readonly startedAtMs: number;
  readonly userId: string;
  readonly chatId: string;
  readonly lastAckedSequence: number;
}
/** A membership change that succeeded. Members from before the recording are recorded as joined at its start. */
export interface MembershipChanged extends Observed {
  readonly kind: "membership_changed";
  readonly startedAtMs: number;
  readonly chatId: string;
  readonly userId: string;
  readonly change: "joined" | "left";
}
/** Messages up to `sequence` are older than the recording: their sends are not in it. */
export interface ChatBaseline extends Observed {
  readonly kind: "chat_baseline";
  readonly chatId: string;
  readonly sequence: number;
}
export interface ProcessKilled extends Observed {
  readonly kind: "process_killed";
  readonly instance: string;
}
export interface ProcessStarted extends Observed {
  readonly kind: "process_started";
  readonly instance: string;
}
/** The run is over, everything is answered and every running client has caught up: from here on nothing may be missing. */
export interface Settled extends Observed {
  readonly kind: "settled";
}

export type HistoryEvent =
  | ClientStarted
  | ClientStopped
  | ConnectionEstablished
  | ConnectionClosed
  | SendStarted
  | AckReceived
  | ErrorReceived
  | MessagePushed
  | SyncStarted
  | PageReceived
  | HeartbeatSent
  | HeartbeatAcked
  | WatermarkSent
  | TimelineDelivered
  | TimelineShown
  | HistoryRead
  | WatermarkRead
  | MembershipChanged
  | ChatBaseline
  | ProcessKilled
  | ProcessStarted
  | Settled;

export type HistoryEventKind = HistoryEvent["kind"];
