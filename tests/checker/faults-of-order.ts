/** What comes in the wrong order: commits against real time, sends and pushes of one connection. */
import { anyOf, crossed, endOf, type Fault, replace, twoInOrder } from "./fault-planting.ts";
import { arrangeHistory } from "./recorded-history.ts";

export const orderFaults: readonly Fault[] = [
  {
    name: "a later message is numbered below an earlier one",
    plant: (run, random) => {
      const [one, two] = twoInOrder(run, random) ?? [];
      if (one === undefined || two === undefined) return undefined;
      // Everybody agrees on the crossed numbers: only the clock shows it.
      return crossed(run, one, two);
    },
    caught: ["commit_order"],
    alongside: ["connection_order"],
  },
  {
    name: "one connection's sends are numbered in another order than sent",
    plant: (run, random) => {
      const first = anyOf(
        run,
        random,
        "send_started",
        ({ attempt, content }) => attempt === 0 && content !== "",
      );
      const recorded = arrangeHistory(run.events, run.store);
      const exchange = [...recorded.sends.values()].find(
        (send) => send.clientMessageId === first?.clientMessageId,
      )?.exchanges;
      const ack = exchange?.[0]?.answers[0];
      if (first === undefined || exchange?.length !== 1 || ack?.kind !== "ack_received" || ack.sequence < 2)
        return undefined;
      const before = run.store.messages.find(
        (row) => row.chatId === first.chatId && row.sequence === ack.sequence - 1,
      );
      const beforeSend = [...recorded.sends.values()].find(
        (send) => send.chatId === first.chatId && send.clientMessageId === before?.clientMessageId,
      );
      const beforeExchange = beforeSend?.exchanges[0];
      const beforeAck = beforeExchange?.answers[0];
      if (beforeSend?.exchanges.length !== 1 || beforeAck === undefined || beforeExchange === undefined)
        return undefined;
      const same = beforeExchange.request.connectionId === first.connectionId;
      // Not yet seen by anybody when the second one left: only the connection's own order is broken.
      const known = recorded.knowledge.before(first.chatId, first.atMs)?.sequence ?? 0;
      if (!same || known >= ack.sequence - 1 || before === undefined) return undefined;
      const after = run.store.messages.find((row) => row.messageId === ack.messageId);
      return after === undefined ? undefined : crossed(run, before, after);
    },
    caught: ["connection_order"],
  },
  {
    name: "pushes of a chat go backwards on one connection",
    plant: (run, random) => {
      const recorded = arrangeHistory(run.events, run.store);
      const push = anyOf(
        run,
        random,
        "message_pushed",
        (one) =>
          run.events.filter(
            (event) =>
              event.kind === "message_pushed" &&
              event.connectionId === one.connectionId &&
              event.message.messageId === one.message.messageId,
          ).length === 1 &&
          run.events.some(
            (event) =>
              event.kind === "message_pushed" &&
              event.connectionId === one.connectionId &&
              event.chatId === one.chatId &&
              event.message.sequence > one.message.sequence,
          ),
      );
      const closed = recorded.connections.get(push?.connectionId ?? "")?.closedAtMs ?? 0;
      if (push === undefined) return undefined;
      // A copy first arrived by sync, so that nothing else looks wrong.
      const late = { ...push, atMs: Math.min(closed, endOf(run)) };
      const kept = replace(run, push, late);
      return kept;
    },
    caught: ["push_order"],
    alongside: ["client_ack_ahead"],
  },
];
