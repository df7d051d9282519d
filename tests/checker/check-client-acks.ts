/** AK-01, AK-03, W-19: a client's acknowledgements never fall and never run ahead of what it holds without a hole. */
import { ClientHoldings, receivedIn } from "./client-holdings.ts";
import type { RecordedHistory } from "./recorded-history.ts";
import { type Violation, violation } from "./violation.ts";

export function* checkClientAcks(recorded: RecordedHistory): Generator<Violation> {
  const states = new Map<string, { holdings: ClientHoldings; acked: number }>();
  const stateOf = (client: string, chatId: string) => {
    const key = `${client} ${chatId}`;
    const cursor = recorded.clients.get(client)?.cursors[chatId] ?? 0;
    const state = states.get(key) ?? { holdings: new ClientHoldings(cursor), acked: 0 };
    states.set(key, state);
    return state;
  };
  for (const event of recorded.events) {
    const received = receivedIn(event);
    if (received !== undefined) {
      const { holdings } = stateOf(received.client, received.chatId);
      for (const sequence of received.sequences) holdings.add(sequence);
    }
    if (event.kind !== "watermark_sent") continue;
    const state = stateOf(event.client, event.chatId);
    const who = `${event.client} acknowledged ${event.chatId}#${event.sequence}`;
    if (event.sequence > state.holdings.contiguous) {
      yield violation("client_ack_ahead", `${who}, holding all up to ${state.holdings.contiguous}`, event);
    } else if (event.sequence < state.acked) {
      yield violation("client_ack_fell", `${who} after #${state.acked}`, event);
    }
    state.acked = Math.max(state.acked, event.sequence);
  }
}
