/** What a client or its application gets wrong: missing, unsorted or repeated messages, acknowledgements ahead of them. */
import { anyOf, changed, endOf, type Fault, insert, replace, stored, userOf } from "./fault-planting.ts";
import type { HistoryEvent } from "./history.ts";

export const clientFaults: readonly Fault[] = [
  {
    name: "a client never gets a message",
    plant: (run, random) => {
      const delivery = anyOf(run, random, "timeline_delivered");
      if (delivery === undefined) return undefined;
      const { client, chatId, message } = delivery;
      const stays = run.store.memberships.some(
        (row) => row.chatId === chatId && row.userId === userOf(run, client),
      );
      const own = run.events.some(
        (event) =>
          event.kind === "ack_received" && event.client === client && event.messageId === message.messageId,
      );
      if (!stays || own) return undefined;
      const events = run.events.flatMap((event): HistoryEvent[] => {
        if (!("client" in event) || event.client !== client) return [event];
        if (event === delivery) return [];
        if (event.kind === "message_pushed" && event.message.messageId === message.messageId) return [];
        // The pages that brought it were never asked for.
        const lost = run.events.some(
          (page) =>
            page.kind === "page_received" &&
            page.messages.some((row) => row.messageId === message.messageId) &&
            (event === page || (event.kind === "sync_started" && event.requestId === page.requestId)),
        );
        if (lost || event.kind === "watermark_sent") return [];
        if (event.kind !== "timeline_shown" || event.chatId !== chatId) return [event];
        return [{ ...event, sequences: event.sequences.filter((sequence) => sequence !== message.sequence) }];
      });
      const watermarks = run.store.watermarks.filter((row) => row.userId !== userOf(run, client));
      return stored(
        { ...run, events: events.filter((event) => event.kind !== "watermark_read") },
        { watermarks },
      );
    },
    caught: ["client_incomplete", "timeline_incomplete"],
    // Its pages brought other messages as well.
  },
  {
    name: "an application is not shown what its client holds",
    plant: (run, random) => {
      const delivery = anyOf(run, random, "timeline_delivered");
      if (delivery === undefined) return undefined;
      const { client, chatId, message } = delivery;
      if (!run.store.memberships.some((row) => row.chatId === chatId && row.userId === userOf(run, client)))
        return undefined;
      const events = run.events.flatMap((event): HistoryEvent[] => {
        if (event === delivery) return [];
        if (event.kind !== "timeline_shown" || event.client !== client || event.chatId !== chatId)
          return [event];
        return [{ ...event, sequences: event.sequences.filter((sequence) => sequence !== message.sequence) }];
      });
      return { ...run, events };
    },
    caught: ["timeline_incomplete"],
  },
  {
    name: "a client acknowledges less than before",
    plant: (run, random) => {
      const ack = anyOf(run, random, "watermark_sent", ({ sequence }) => sequence > 1);
      return replace(run, ack, ...(ack === undefined ? [] : [ack, { ...ack, sequence: ack.sequence - 1 }]));
    },
    caught: ["client_ack_fell"],
  },
  {
    name: "a client acknowledges what it never got",
    plant: (run, random) => {
      const ack = anyOf(run, random, "watermark_sent", ({ atMs }) => atMs < endOf(run) / 2);
      return ack === undefined ? undefined : insert(run, { ...ack, atMs: endOf(run), sequence: 100_000 });
    },
    caught: ["client_ack_ahead"],
  },
  {
    name: "an application shows a chat out of order",
    plant: (run, random) => {
      const shown = anyOf(run, random, "timeline_shown", ({ sequences }) => sequences.length > 1);
      return shown === undefined
        ? undefined
        : changed(run, shown, { sequences: shown.sequences.toReversed() });
    },
    caught: ["timeline_unsorted"],
  },
  {
    name: "a timeline loses what it showed",
    plant: (run, random) => {
      const shown = anyOf(
        run,
        random,
        "timeline_shown",
        (one) =>
          one.sequences.length > 1 &&
          run.events.some(
            (event) =>
              event.kind === "timeline_shown" &&
              event.client === one.client &&
              event.chatId === one.chatId &&
              event.atMs > one.atMs,
          ),
      );
      return shown === undefined
        ? undefined
        : changed(run, shown, { sequences: shown.sequences.toSpliced(0, 1) });
    },
    caught: ["timeline_lost"],
  },
  {
    name: "a client that delivers in order goes backwards",
    plant: (run, random) => {
      const inOrder = new Set(
        run.events.flatMap((event) =>
          event.kind === "client_started" && event.deliversInOrder ? [event.client] : [],
        ),
      );
      const early = anyOf(run, random, "timeline_delivered", ({ client }) => inOrder.has(client));
      const next = run.events.find(
        (event) =>
          event.kind === "timeline_delivered" &&
          event.client === early?.client &&
          event.chatId === early.chatId &&
          event.message.sequence === early.message.sequence + 1,
      );
      if (early === undefined || next?.kind !== "timeline_delivered") return undefined;
      const events = run.events
        .filter((event) => event.kind !== "timeline_shown")
        .map((event) => {
          if (event === early) return { ...early, message: next.message };
          return event === next ? { ...next, message: early.message } : event;
        });
      return { ...run, events };
    },
    caught: ["timeline_backwards"],
  },
  {
    name: "an application gets a message twice",
    plant: (run, random) => {
      const delivery = anyOf(run, random, "timeline_delivered");
      return delivery === undefined ? undefined : replace(run, delivery, delivery, delivery);
    },
    caught: ["timeline_repeated"],
  },
];
