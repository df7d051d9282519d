/**
 * I-03, G-08, G-09: after the final sync every client that runs holds every stored message of the chats it
 * is a member of, and its application shows them. Judged only in histories with a `settled` mark.
 */
import { ClientHoldings, receivedIn } from "./client-holdings.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import type { StoredChat } from "./stored-chats.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkClientComplete(recorded: RecordedHistory): Generator<Violation> {
  const { settledAtMs } = recorded;
  if (settledAtMs === undefined) return;
  const held = holdingsAtTheEnd(recorded);
  const shown = shownAtTheEnd(recorded);
  for (const [client, { userId, cursors }] of runningClients(recorded)) {
    for (const chat of recorded.chats.values()) {
      if (!recorded.memberships.couldBeMember(chat.chatId, userId, settledAtMs, settledAtMs)) continue;
      const cursor = cursors[chat.chatId] ?? 0;
      const holdings = held.get(`${client} ${chat.chatId}`) ?? new ClientHoldings(cursor);
      const unheld = missing(chat, cursor, (sequence) => holdings.holds(sequence));
      if (unheld.length > 0) {
        yield violation("client_incomplete", `${client} lacks ${chat.chatId}#${unheld.join(",")}`);
      }
      const timeline = shown.get(`${client} ${chat.chatId}`);
      const unshown = missing(chat, cursor, (sequence) => timeline?.has(sequence) ?? true);
      if (unshown.length > 0) {
        yield violation("timeline_incomplete", `${client} does not show ${chat.chatId}#${unshown.join(",")}`);
      }
    }
  }
}

/** The first few, which is all that a reader needs. */
function missing(chat: StoredChat, cursor: number, has: (sequence: number) => boolean): readonly number[] {
  const sequences = chat.messages.map((message) => message.sequence);
  return sequences.filter((sequence) => sequence > cursor && !has(sequence)).slice(0, 10);
}

function runningClients(recorded: RecordedHistory): typeof recorded.clients {
  const running = new Map(recorded.clients);
  for (const event of recorded.events) if (event.kind === "client_stopped") running.delete(event.client);
  return running;
}

function holdingsAtTheEnd(recorded: RecordedHistory): ReadonlyMap<string, ClientHoldings> {
  const held = new Map<string, ClientHoldings>();
  for (const event of recorded.events) {
    const received = receivedIn(event);
    if (received === undefined) continue;
    const key = `${received.client} ${received.chatId}`;
    const cursor = recorded.clients.get(received.client)?.cursors[received.chatId] ?? 0;
    const holdings = held.get(key) ?? new ClientHoldings(cursor);
    for (const sequence of received.sequences) holdings.add(sequence);
    held.set(key, holdings);
  }
  return held;
}

/** Only chats whose timeline was recorded. */
function shownAtTheEnd(recorded: RecordedHistory): ReadonlyMap<string, ReadonlySet<number>> {
  const shown = new Map<string, Set<number>>();
  for (const event of recorded.events) {
    if (event.kind === "timeline_shown") {
      shown.set(`${event.client} ${event.chatId}`, new Set(event.sequences));
    } else if (event.kind === "timeline_delivered") {
      const key = `${event.client} ${event.chatId}`;
      const timeline = shown.get(key) ?? new Set();
      shown.set(key, timeline.add(event.message.sequence));
    }
  }
  return shown;
}
