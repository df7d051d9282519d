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
      const recorded = arrangeHistory(run.events, run.store);
      // Sends that needed one transmission, by the message that they became.
      const once = new Map(
        [...recorded.sends.values()].flatMap(({ exchanges: [only, ...more] }) => {
          const ack = more.length === 0 ? only?.answers[0] : undefined;
          return only === undefined || ack?.kind !== "ack_received" ? [] : [[ack.messageId, only.request]];
        }),
      );
      const pairs = run.store.messages.flatMap((after) => {
        const before = recorded.chats.get(after.chatId)?.bySequence.get(after.sequence - 1);
        const [first, second] = [once.get(before?.messageId ?? ""), once.get(after.messageId)];
        if (before === undefined || first === undefined || second === undefined) return [];
        if (first.connectionId !== second.connectionId) return [];
        // Nobody has seen the first one when the second leaves: only the connection's own order is broken.
        const known = recorded.knowledge.before(after.chatId, second.atMs)?.sequence ?? 0;
        return known < before.sequence ? [{ before, after }] : [];
      });
      if (pairs.length === 0) return undefined;
      const { before, after } = random.pick(pairs);
      return crossed(run, before, after);
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
