/** Who writes and reads that must not, and what is stored that nobody sent like this. */
import {
  addMessage,
  anyOf,
  endOf,
  type Fault,
  insert,
  replace,
  stored,
  strangersSend,
  swapMessage,
  userOf,
} from "./fault-planting.ts";
import type { HistoryEvent } from "./history.ts";
import { arrangeHistory } from "./recorded-history.ts";

export const membershipFaults: readonly Fault[] = [
  {
    name: "a former member still gets pushes",
    plant: (run, random) => {
      const push = anyOf(run, random, "message_pushed", ({ atMs }) => atMs < endOf(run) / 2);
      if (push === undefined) return undefined;
      const userId = userOf(run, push.client);
      const left: HistoryEvent = {
        kind: "membership_changed",
        atMs: endOf(run),
        startedAtMs: endOf(run),
        chatId: push.chatId,
        userId,
        change: "left",
      };
      const memberships = run.store.memberships.filter(
        (row) => row.chatId !== push.chatId || row.userId !== userId,
      );
      const late = { ...push, atMs: endOf(run) + 1500 };
      return insert(stored(run, { memberships }), left, late);
    },
    caught: ["push_to_outsider"],
    alongside: ["push_order"],
  },
  {
    name: "a stranger reads the history",
    plant: (run, random) => {
      const read = anyOf(run, random, "history_read");
      return read === undefined ? undefined : replace(run, read, read, { ...read, userId: "user_stranger" });
    },
    caught: ["read_by_outsider"],
  },
  {
    name: "a former member syncs",
    plant: (run) => {
      const recorded = arrangeHistory(run.events, run.store);
      const open = [...recorded.connections].find(([, connection]) => connection.closedAtMs === Infinity);
      if (open === undefined) return undefined;
      const [connectionId, { client }] = open;
      const userId = userOf(run, client);
      const chat = run.store.counters.find(({ chatId }) =>
        run.store.memberships.some((row) => row.chatId === chatId && row.userId === userId),
      );
      if (chat === undefined) return undefined;
      const { chatId, sequence: cursor } = chat;
      const atMs = endOf(run);
      const on = { client, connectionId, requestId: "req_late" };
      return insert(
        run,
        { kind: "membership_changed", atMs: atMs + 1, startedAtMs: atMs + 1, chatId, userId, change: "left" },
        { kind: "sync_started", atMs: atMs + 2, ...on, chatId, cursor, limit: null },
        {
          kind: "page_received",
          atMs: atMs + 3,
          ...on,
          chatId,
          messages: [],
          hasMore: false,
          nextSequence: null,
        },
      );
    },
    caught: ["read_by_outsider"],
  },
  {
    name: "a stranger's message is stored",
    plant: (run, random) => {
      const stranger = strangersSend(run, random);
      if (stranger === undefined) return undefined;
      return insert(addMessage(run, stranger.message), stranger.sent, {
        ...stranger.on,
        kind: "connection_closed",
        atMs: endOf(run) + 2,
        code: 1006,
      });
    },
    caught: ["stored_for_outsider", "client_incomplete", "timeline_incomplete"],
  },
  {
    name: "a member is refused",
    plant: (run, random) => {
      const ack = anyOf(
        run,
        random,
        "page_received",
        ({ messages, client }) => messages.length === 0 && ["user_1", "user_2"].includes(userOf(run, client)),
      );
      if (ack === undefined) return undefined;
      const { atMs, client, connectionId, requestId } = ack;
      return replace(run, ack, {
        kind: "error_received",
        atMs,
        client,
        connectionId,
        requestId,
        code: "NOT_A_MEMBER",
      });
    },
    caught: ["member_refused"],
  },
  ...["NOT_A_MEMBER", "RATE_LIMITED", "INVALID_CONTENT"].map(
    (code): Fault => ({
      name: `a send refused with ${code} is stored nevertheless`,
      plant: (run, random) => {
        const stranger = strangersSend(run, random);
        if (stranger === undefined) return undefined;
        const { chatId } = stranger.message;
        const userId = stranger.message.senderId;
        const atMs = endOf(run);
        const { requestId } = stranger.sent;
        return insert(
          addMessage(run, stranger.message),
          stranger.sent,
          { kind: "error_received", atMs: atMs + 1, ...stranger.on, requestId, code },
          // Membership is not the point here: it may have been granted meanwhile.
          { kind: "membership_changed", atMs: atMs + 2, startedAtMs: atMs, chatId, userId, change: "joined" },
        );
      },
      caught: ["rejected_stored", "client_incomplete", "timeline_incomplete"],
    }),
  ),
  {
    name: "the stored content is not what was sent",
    plant: (run, random) => {
      const sent = anyOf(run, random, "send_started", ({ content }) => content !== "");
      if (
        sent === undefined ||
        !run.store.messages.some((row) => row.clientMessageId === sent.clientMessageId)
      )
        return undefined;
      const events = run.events.map((event) =>
        event.kind === "send_started" && event.clientMessageId === sent.clientMessageId
          ? { ...event, content: "something else" }
          : event,
      );
      return { ...run, events };
    },
    caught: ["content_altered"],
  },
  {
    name: "a message is stored under another sender",
    plant: (run, random) => {
      const message = random.pick(run.store.messages);
      const senderId = "user_other";
      const events = run.events.map((event): HistoryEvent => {
        if (event.kind === "message_pushed" || event.kind === "timeline_delivered") {
          return event.message.messageId === message.messageId
            ? { ...event, message: { ...event.message, senderId } }
            : event;
        }
        if (event.kind !== "page_received" && event.kind !== "history_read") return event;
        return {
          ...event,
          messages: event.messages.map((row) =>
            row.messageId === message.messageId ? { ...row, senderId } : row,
          ),
        };
      });
      return swapMessage({ ...run, events }, message, { ...message, senderId });
    },
    caught: ["sender_wrong"],
  },
  {
    name: "a message appears that nobody sent",
    plant: (run, random) => {
      const stranger = strangersSend(run, random);
      return stranger === undefined ? undefined : addMessage(run, stranger.message);
    },
    caught: ["message_invented", "client_incomplete", "timeline_incomplete"],
  },
];
