/** Frames that do not fit together: answers without questions, silence, echoes. */
import { anyOf, changed, endOf, type Fault, insert, replace } from "./fault-planting.ts";
import type { AckReceived } from "./history.ts";
import { arrangeHistory } from "./recorded-history.ts";
import { sendKey } from "./stored-chats.ts";

export const frameFaults: readonly Fault[] = [
  {
    name: "a frame before connection_established",
    plant: (run, random) => {
      const established = anyOf(run, random, "connection_established");
      const early = run.events.find(
        (event) => event.kind === "message_pushed" && event.connectionId === established?.connectionId,
      );
      if (established === undefined || early?.kind !== "message_pushed") return undefined;
      return insert(run, {
        ...established,
        kind: "error_received",
        requestId: null,
        code: "INTERNAL_ERROR",
        atMs: established.atMs - 0.0005,
      });
    },
    caught: ["before_established"],
  },
  ...(["ack_received", "page_received", "error_received", "heartbeat_acked"] as const).map(
    (kind): Fault => ({
      name: `${kind} answers a request that nobody made`,
      plant: (run, random) => {
        const answer = anyOf(run, random, kind);
        return answer === undefined
          ? undefined
          : replace(run, answer, answer, { ...answer, requestId: "req_nobody" });
      },
      caught: ["unasked_answer"],
    }),
  ),
  {
    name: "an ack without a request id",
    plant: (run, random) => {
      const ack = anyOf(run, random, "ack_received");
      return ack === undefined ? undefined : replace(run, ack, ack, { ...ack, requestId: null });
    },
    caught: ["unasked_answer"],
  },
  {
    name: "a request is answered twice",
    plant: (run, random) => {
      const answer = anyOf(run, random, "ack_received");
      return answer === undefined ? undefined : replace(run, answer, answer, answer);
    },
    caught: ["answered_twice"],
  },
  {
    name: "an ack carries another client message id than was sent",
    plant: (run, random) =>
      changed(run, anyOf(run, random, "ack_received"), { clientMessageId: random.uuid() }),
    caught: ["answer_mismatched"],
  },
  {
    name: "a sync is answered by a heartbeat_ack",
    plant: (run, random) => {
      const page = anyOf(run, random, "page_received", ({ messages }) => messages.length === 0);
      if (page === undefined) return undefined;
      const { atMs, client, connectionId, requestId } = page;
      return replace(run, page, { kind: "heartbeat_acked", atMs, client, connectionId, requestId });
    },
    caught: ["answer_mismatched"],
  },
  {
    name: "a push carries a request id",
    plant: (run, random) => changed(run, anyOf(run, random, "message_pushed"), { requestId: "req_push" }),
    caught: ["push_has_request_id"],
  },
  {
    name: "a client uses a request id again",
    plant: (run, random) => {
      const beat = anyOf(run, random, "heartbeat_sent");
      return beat === undefined ? undefined : replace(run, beat, beat, beat);
    },
    caught: ["request_id_reused"],
  },
  {
    name: "an error code that no document knows",
    plant: (run, random) => {
      const error = anyOf(run, random, "error_received");
      return error === undefined
        ? undefined
        : replace(run, error, error, { ...error, requestId: null, code: "OOPS" });
    },
    caught: ["error_code_unknown"],
  },
  ...(["send_started", "sync_started", "heartbeat_sent"] as const).map(
    (kind): Fault => ({
      name: `${kind} stays without an answer on a living connection`,
      plant: (run, random) => {
        const open = arrangeHistory(run.events, run.store).connections;
        const lasting = [...open].find(([, connection]) => connection.closedAtMs === Infinity)?.[0];
        const request = anyOf(run, random, kind);
        if (request === undefined || lasting === undefined) return undefined;
        const { client } = open.get(lasting) ?? request;
        const silent = {
          ...request,
          client,
          connectionId: lasting,
          requestId: "req_silent",
          atMs: endOf(run),
        };
        return insert(run, silent, { kind: "process_started", atMs: endOf(run) + 10_001, instance: "late" });
      },
      caught: ["request_unanswered"],
    }),
  ),
  {
    name: "a message is echoed to the connection that sent it",
    plant: (run, random) => {
      const { sends } = arrangeHistory(run.events, run.store);
      const origins = ({ chatId, clientMessageId }: AckReceived): number =>
        new Set(
          sends.get(sendKey(chatId, clientMessageId))?.exchanges.map(({ request }) => request.connectionId),
        ).size;
      const ack = anyOf(
        run,
        random,
        "ack_received",
        (candidate) =>
          origins(candidate) === 1 &&
          !run.events.some(
            (event) =>
              event.kind === "message_pushed" &&
              event.connectionId === candidate.connectionId &&
              event.chatId === candidate.chatId &&
              event.message.sequence > candidate.sequence,
          ),
      );
      const message = run.store.messages.find((row) => row.messageId === ack?.messageId);
      if (ack === undefined || message === undefined) return undefined;
      const { atMs, client, connectionId, chatId } = ack;
      const { messageId, sequence, senderId, content, createdAt } = message;
      return replace(run, ack, ack, {
        kind: "message_pushed",
        atMs,
        client,
        connectionId,
        requestId: null,
        chatId,
        message: { messageId, sequence, senderId, content, createdAt },
      });
    },
    caught: ["push_echoed"],
    // A sender that left keeps its acknowledgement but gets no pushes.
    alongside: ["push_to_outsider"],
  },
];
