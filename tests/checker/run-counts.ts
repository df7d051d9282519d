/** How much happened in a run: a clean verdict over nothing would be worth nothing. */
import type { RecordedHistory } from "./recorded-history.ts";

export interface RunCounts {
  readonly clients: number;
  readonly chats: number;
  /** Logical messages; `transmissions` counts every attempt. */
  readonly sends: number;
  readonly transmissions: number;
  readonly acks: number;
  /** Acknowledgements beyond the first of their message. */
  readonly duplicateAnswers: number;
  /** Transmissions whose answer never came: the connection died first. */
  readonly unknownOutcomes: number;
  readonly refusals: number;
  readonly pushes: number;
  readonly pages: number;
  readonly historyReads: number;
  readonly watermarkReads: number;
  readonly timelineDeliveries: number;
  readonly connections: number;
  /** Connections beyond each client's first. */
  readonly reconnects: number;
  readonly kills: number;
  readonly stored: number;
  readonly settled: boolean;
}

export function countRun(recorded: RecordedHistory): RunCounts {
  const kinds = new Map<string, number>();
  for (const event of recorded.events) kinds.set(event.kind, (kinds.get(event.kind) ?? 0) + 1);
  const count = (kind: string): number => kinds.get(kind) ?? 0;
  const exchanges = [...recorded.sends.values()].flatMap((send) => send.exchanges);
  const acked = new Set<string>();
  for (const event of recorded.events) if (event.kind === "ack_received") acked.add(event.messageId);
  const connected = new Set([...recorded.connections.values()].map((connection) => connection.client));
  return {
    clients: recorded.clients.size,
    chats: recorded.chats.size,
    sends: recorded.sends.size,
    transmissions: exchanges.length,
    acks: count("ack_received"),
    duplicateAnswers: count("ack_received") - acked.size,
    unknownOutcomes: exchanges.filter((exchange) => exchange.answers.length === 0).length,
    refusals: count("error_received"),
    pushes: count("message_pushed"),
    pages: count("page_received"),
    historyReads: count("history_read"),
    watermarkReads: count("watermark_read"),
    timelineDeliveries: count("timeline_delivered"),
    connections: recorded.connections.size,
    reconnects: recorded.connections.size - connected.size,
    kills: count("process_killed"),
    stored: recorded.store.messages.length,
    settled: recorded.settledAtMs !== undefined,
  };
}
