/** A history and its final store, arranged once for all checks. */
import { CommonKnowledge } from "./common-knowledge.ts";
import type { FinalStore } from "./final-store.ts";
import type {
  AckReceived,
  ClientStarted,
  ErrorReceived,
  HeartbeatAcked,
  HeartbeatSent,
  HistoryEvent,
  PageReceived,
  SendStarted,
  SyncStarted,
} from "./history.ts";
import { MembershipTimeline } from "./membership-timeline.ts";
import { arrangeChats, type StoredChat, sendKey } from "./stored-chats.ts";

export type Request = SendStarted | SyncStarted | HeartbeatSent;
export type Answer = AckReceived | ErrorReceived | PageReceived | HeartbeatAcked;

export interface ConnectionRecord {
  readonly client: string;
  readonly establishedAtMs: number;
  /** Infinity while open. */
  closedAtMs: number;
}

/** One transmission and what came back on its connection. */
export interface Exchange {
  readonly request: Request;
  readonly answers: Answer[];
}

/** All transmissions of one client message id in a chat. */
export interface SendRecord {
  readonly chatId: string;
  readonly clientMessageId: string;
  readonly exchanges: Exchange[];
}

export interface RecordedHistory {
  /** In order of time. */
  readonly events: readonly HistoryEvent[];
  readonly store: FinalStore;
  readonly chats: ReadonlyMap<string, StoredChat>;
  readonly clients: ReadonlyMap<string, ClientStarted>;
  readonly connections: ReadonlyMap<string, ConnectionRecord>;
  /** By `requestKey`; only requests with an id. */
  readonly exchanges: ReadonlyMap<string, Exchange>;
  /** By `sendKey`. */
  readonly sends: ReadonlyMap<string, SendRecord>;
  readonly memberships: MembershipTimeline;
  readonly knowledge: CommonKnowledge;
  /** Sequences up to this one are older than the recording. */
  readonly baselines: ReadonlyMap<string, number>;
  readonly settledAtMs: number | undefined;
  readonly endAtMs: number;
}

export function requestKey(connectionId: string, requestId: string): string {
  return `${connectionId} ${requestId}`;
}

export function arrangeHistory(unordered: Iterable<HistoryEvent>, store: FinalStore): RecordedHistory {
  const events = [...unordered].sort((a, b) => a.atMs - b.atMs);
  const chats = arrangeChats(store);
  const clients = new Map<string, ClientStarted>();
  const connections = new Map<string, ConnectionRecord>();
  const exchanges = new Map<string, Exchange>();
  const sends = new Map<string, SendRecord>();
  const baselines = new Map<string, number>();
  let settledAtMs: number | undefined;

  const ask = (request: Request): Exchange => {
    const exchange: Exchange = { request, answers: [] };
    if (request.requestId === null) return exchange;
    const key = requestKey(request.connectionId, request.requestId);
    if (!exchanges.has(key)) exchanges.set(key, exchange);
    return exchange;
  };
  const answer = (received: Answer): void => {
    if (received.requestId === null) return;
    exchanges.get(requestKey(received.connectionId, received.requestId))?.answers.push(received);
  };

  for (const event of events) {
    switch (event.kind) {
      case "client_started":
        clients.set(event.client, event);
        break;
      case "connection_established":
        connections.set(event.connectionId, {
          client: event.client,
          establishedAtMs: event.atMs,
          closedAtMs: Infinity,
        });
        break;
      case "connection_closed": {
        const connection = connections.get(event.connectionId);
        if (connection !== undefined) connection.closedAtMs = event.atMs;
        break;
      }
      case "send_started":
        sendRecord(sends, event).exchanges.push(ask(event));
        break;
      case "sync_started":
      case "heartbeat_sent":
        ask(event);
        break;
      case "ack_received":
      case "error_received":
      case "page_received":
      case "heartbeat_acked":
        answer(event);
        break;
      case "chat_baseline":
        baselines.set(event.chatId, event.sequence);
        break;
      case "settled":
        settledAtMs = event.atMs;
        break;
      default:
        break;
    }
  }
  return {
    events,
    store,
    chats,
    clients,
    connections,
    exchanges,
    sends,
    memberships: new MembershipTimeline(events, store.memberships),
    knowledge: new CommonKnowledge(events, chats),
    baselines,
    settledAtMs,
    endAtMs: events.at(-1)?.atMs ?? 0,
  };
}

function sendRecord(sends: Map<string, SendRecord>, event: SendStarted): SendRecord {
  const key = sendKey(event.chatId, event.clientMessageId);
  const known = sends.get(key);
  if (known !== undefined) return known;
  const record = { chatId: event.chatId, clientMessageId: event.clientMessageId, exchanges: [] };
  sends.set(key, record);
  return record;
}
