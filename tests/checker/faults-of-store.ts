/** What the store gets wrong: lost, doubled, renumbered, miscounted. */
import {
  anyOf,
  changed,
  endOf,
  type Fault,
  insert,
  newestOfSomeChat,
  stored,
  swapMessage,
  takeBack,
  twoInOrder,
} from "./fault-planting.ts";
import { arrangeHistory } from "./recorded-history.ts";

export const storeFaults: readonly Fault[] = [
  {
    name: "the newest commit of a chat is lost although it was acknowledged",
    plant: (run, random) => {
      const message = newestOfSomeChat(run, random);
      return message === undefined ? undefined : { ...run, store: takeBack(run, message) };
    },
    caught: ["acked_message_lost", "observed_not_stored"],
    // A device may have acknowledged, and somebody may have read, that watermark.
    alongside: ["watermark_fell"],
  },
  {
    name: "a message in the middle of a chat disappears",
    plant: (run, random) => {
      const [message] = twoInOrder(run, random) ?? [];
      if (message === undefined) return undefined;
      const { messages, idempotencyKeys } = takeBack(run, message);
      return stored(run, { messages, idempotencyKeys });
    },
    caught: ["acked_message_lost", "observed_not_stored", "sequence_hole", "counter_wrong"],
  },
  {
    name: "a sequence is given to another message after a crash",
    plant: (run, random) => {
      const message = newestOfSomeChat(run, random);
      if (message === undefined) return undefined;
      const other = { ...message, messageId: "msg_other", clientMessageId: random.uuid() };
      const sent = run.events.find(
        (event) => event.kind === "send_started" && event.clientMessageId === message.clientMessageId,
      );
      if (sent?.kind !== "send_started" || other.clientMessageId === null) return undefined;
      const { clientMessageId } = other;
      const keys = (run.store.idempotencyKeys ?? []).filter((key) => key.messageId !== message.messageId);
      const key = {
        chatId: other.chatId,
        clientMessageId,
        messageId: other.messageId,
        sequence: other.sequence,
      };
      const resent = { ...sent, atMs: endOf(run), requestId: "req_other", clientMessageId };
      const swapped = swapMessage(run, message, other);
      return insert(stored(swapped, { idempotencyKeys: [...keys, key] }), resent);
    },
    caught: ["acked_message_lost", "observed_differs"],
  },
  {
    name: "a retried message is stored a second time",
    plant: (run, random) => {
      const message = random.pick(run.store.messages);
      const counter = run.store.counters.find((row) => row.chatId === message.chatId);
      if (counter === undefined) return undefined;
      const sequence = counter.sequence + 1;
      const twin = { ...message, sequence, messageId: "msg_twin" };
      const key = {
        chatId: message.chatId,
        clientMessageId: message.clientMessageId ?? "",
        messageId: "msg_twin",
        sequence,
      };
      const keys = run.store.idempotencyKeys?.filter((row) => row.messageId !== message.messageId) ?? [];
      return stored(run, {
        messages: [...run.store.messages, twin],
        counters: run.store.counters.map((row) => (row === counter ? { ...row, sequence } : row)),
        idempotencyKeys: [...keys, key],
      });
    },
    caught: ["stored_twice", "client_incomplete", "timeline_incomplete"],
  },
  {
    name: "a retry is answered with another sequence",
    plant: (run, random) => {
      const recorded = arrangeHistory(run.events, run.store);
      const again = anyOf(run, random, "ack_received", (ack) =>
        [...recorded.sends.values()].some(
          (send) =>
            send.exchanges.filter((exchange) => exchange.answers.includes(ack)).length === 1 &&
            send.exchanges.length > 1 &&
            !send.exchanges[0]?.answers.includes(ack) &&
            send.exchanges.filter((exchange) => exchange.answers.length > 0).length > 1,
        ),
      );
      return changed(run, again, { sequence: (again?.sequence ?? 0) + 1000 });
    },
    caught: ["answers_differ", "observed_differs"],
  },
  {
    name: "two messages share a message id",
    plant: (run, random) => {
      const [one, two] = twoInOrder(run, random) ?? [];
      return one === undefined || two === undefined
        ? undefined
        : swapMessage(run, two, { ...two, messageId: one.messageId });
    },
    caught: ["message_id_reused", "acked_message_lost", "observed_differs", "key_disagrees"],
    alongside: ["connection_order", "commit_order"],
  },
  {
    name: "a key names another sequence than its message",
    plant: (run, random) => {
      const keys = run.store.idempotencyKeys ?? [];
      const key = random.pick(keys);
      return stored(run, {
        idempotencyKeys: keys.map((row) => (row === key ? { ...row, sequence: row.sequence + 1 } : row)),
      });
    },
    caught: ["key_disagrees"],
  },
  {
    name: "a key without a message",
    plant: (run, random) => {
      const key = { chatId: "chat_1", clientMessageId: random.uuid(), messageId: "msg_ghost", sequence: 1 };
      return stored(run, { idempotencyKeys: [...(run.store.idempotencyKeys ?? []), key] });
    },
    caught: ["key_disagrees"],
  },
  {
    name: "a message without a key",
    plant: (run, random) => {
      const keys = run.store.idempotencyKeys ?? [];
      const key = random.pick(keys);
      return stored(run, { idempotencyKeys: keys.filter((row) => row !== key) });
    },
    caught: ["key_missing"],
  },
  {
    name: "two messages share a sequence",
    plant: (run, random) => {
      const [one, two] = twoInOrder(run, random) ?? [];
      if (one === undefined || two === undefined) return undefined;
      return swapMessage(run, two, { ...two, sequence: one.sequence });
    },
    caught: [
      "sequence_repeated",
      "sequence_hole",
      "observed_differs",
      "observed_not_stored",
      "key_disagrees",
    ],
    alongside: ["counter_wrong", "commit_order", "connection_order"],
  },
  {
    name: "a message is stored with sequence 0",
    plant: (run) => {
      const first = run.store.messages.find((message) => message.sequence === 1);
      return first === undefined ? undefined : swapMessage(run, first, { ...first, sequence: 0 });
    },
    caught: ["sequence_invalid", "sequence_hole", "observed_differs", "observed_not_stored", "key_disagrees"],
  },
  {
    name: "a chat has no counter",
    plant: (run, random) => {
      const counter = random.pick(run.store.counters.filter((row) => row.sequence > 0));
      const watermarks = run.store.watermarks.filter((row) => row.chatId !== counter.chatId);
      const events = run.events.filter((event) => event.kind !== "watermark_read");
      return stored(
        { ...run, events },
        { counters: run.store.counters.filter((row) => row !== counter), watermarks },
      );
    },
    caught: ["counter_missing"],
  },
  ...[-1, 1].map(
    (step): Fault => ({
      name: `a counter is ${step === 1 ? "above" : "below"} the highest sequence`,
      plant: (run, random) => {
        const counter = random.pick(run.store.counters.filter((row) => row.sequence > 0));
        const sequence = counter.sequence + step;
        const watermarks = run.store.watermarks.map((row) =>
          row.chatId === counter.chatId
            ? { ...row, lastAckedSequence: Math.min(row.lastAckedSequence, sequence) }
            : row,
        );
        const counters = run.store.counters.map((row) =>
          row === counter ? { ...row, sequence, publishedSequence: sequence } : row,
        );
        return stored(
          { ...run, events: run.events.filter((event) => event.kind !== "watermark_read") },
          { counters, watermarks },
        );
      },
      caught: ["counter_wrong"],
    }),
  ),
  {
    name: "more is marked as published than is stored",
    plant: (run, random) => {
      const counter = random.pick(run.store.counters);
      const publishedSequence = counter.sequence + 1;
      return stored(run, {
        counters: run.store.counters.map((row) => (row === counter ? { ...row, publishedSequence } : row)),
      });
    },
    caught: ["published_ahead"],
  },
];
