/**
 * I-01, W-17: sequences follow real time. Whatever was seen before a send started has a lower number than
 * it, and one connection's sends to a chat are numbered in the order in which they left.
 */
import type { SendStarted } from "./history.ts";
import type { RecordedHistory, SendRecord } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkCommitOrder(recorded: RecordedHistory): Generator<Violation> {
  for (const send of recorded.sends.values()) {
    const first = send.exchanges[0]?.request;
    const sequence = storedSequence(recorded, send);
    if (first === undefined || sequence === undefined) continue;
    const known = recorded.knowledge.before(send.chatId, first.atMs);
    if (known === undefined || known.sequence < sequence) continue;
    yield violation(
      "commit_order",
      `${send.chatId}#${known.sequence} was seen before ${send.clientMessageId} was sent, which became #${sequence}`,
      known.event,
      first,
    );
  }
  yield* connectionOrder(recorded);
}

function storedSequence(recorded: RecordedHistory, send: SendRecord): number | undefined {
  const chat = recorded.chats.get(send.chatId);
  for (const { answers } of send.exchanges) {
    for (const answer of answers) {
      if (answer.kind !== "ack_received") continue;
      const stored = chat?.byMessageId.get(answer.messageId);
      if (stored !== undefined) return stored.sequence;
    }
  }
  return undefined;
}

/** Only messages that needed a single transmission are compared: a repeated one may rightly be numbered by either. */
function* connectionOrder(recorded: RecordedHistory): Generator<Violation> {
  const newest = new Map<string, { send: SendStarted; sequence: number }>();
  for (const record of recorded.sends.values()) {
    const [only, ...more] = record.exchanges;
    if (only?.request.kind !== "send_started" || more.length > 0) continue;
    const sequence = storedSequence(recorded, record);
    if (sequence === undefined) continue;
    const send = only.request;
    const lane = `${send.connectionId} ${send.chatId}`;
    const before = newest.get(lane);
    if (before !== undefined && before.sequence > sequence) {
      yield violation(
        "connection_order",
        `${send.chatId}#${sequence} was sent after #${before.sequence} on ${send.connectionId}`,
        before.send,
        send,
      );
      continue;
    }
    newest.set(lane, { send, sequence });
  }
}
