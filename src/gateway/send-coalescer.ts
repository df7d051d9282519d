/**
 * Sends on their way to the durability plane: those that wait within one event-loop turn share a call, and per
 * connection and chat the next call waits for the answer to the one before, so that arrival order is commit order.
 * A send is never left without an answer while its connection lives.
 */
import { create } from "@bufbuild/protobuf";
import type { Timer } from "../shared/domain/clock.ts";
import { toTriplaneError } from "../shared/domain/errors.ts";
import { limits } from "../shared/domain/limits.ts";
import {
  type PersistItem,
  type PersistItemResult,
  PersistItemSchema,
  PersistMessagesRequestSchema,
} from "../shared/gen/messaging/v1/ingest_pb.js";
import type { SendMessageFrame } from "../shared/protocol/frames.ts";
import { normalizeError } from "../shared/rpc/error-edge.ts";
import type { Connection } from "./connection.ts";
import { sendMessageAck } from "./encode-frame.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import { socketRefusal } from "./socket-refusal.ts";

export interface PendingSend {
  readonly connection: Connection;
  readonly frame: SendMessageFrame;
  readonly receivedAtMs: number;
}

type CoalescerDeps = Pick<GatewayDeps, "clock" | "logger" | "ingest" | "settings"> & {
  readonly timestamp: () => string;
};

/**
 * Share of the last call's sends whose connections have sent again, from which on the next call does not wait for
 * its window: they send answer by answer, and hardly anybody else is expected.
 */
const returnedShare = 0.8;
/** Sends collected while a call is under way; with more, the next call does not wait for it. */
const heldSendsMax = 48;

export class SendCoalescer {
  readonly #deps: CoalescerDeps;
  #turn: PendingSend[] = [];
  #timer: { readonly timer: Timer; readonly waits: boolean } | undefined;
  #lastCallAtMs = Number.NEGATIVE_INFINITY;
  /** Of the last turn: its number, its sends, and how many of its connections have sent again. */
  #callNumber = 0;
  #lastSends = 0;
  #returned = 0;
  #callsInFlight = 0;
  #whenQuiet: (() => void)[] = [];

  constructor(deps: CoalescerDeps) {
    this.#deps = deps;
  }

  add(send: PendingSend): void {
    const { connection, frame } = send;
    connection.requestsInFlight++;
    connection.waitingSends ??= new Map();
    const behind = connection.waitingSends.get(frame.payload.chat_id);
    if (behind !== undefined) {
      behind.push(send);
      return;
    }
    this.#turn.push(send);
    if (connection.sendCall === this.#callNumber) {
      connection.sendCall = 0;
      this.#returned++;
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turn.length === 0 || this.#held()) return;
    const isEverybodyBack = this.#returned >= this.#lastSends * returnedShare;
    const waitMs = this.#turn.length < heldSendsMax && !isEverybodyBack ? this.#windowLeftMs() : 0;
    if (this.#timer !== undefined && (waitMs > 0 || !this.#timer.waits)) return;
    this.#timer?.timer.cancel();
    const timer = this.#deps.clock.setTimer(waitMs, () => this.#endTurn());
    this.#timer = { timer, waits: waitMs > 0 };
  }

  /** Of the last call's window: a send after a quiet moment goes at once, the next ones share a commit. */
  #windowLeftMs(): number {
    const { coalesceSendsBy, sendWindowMs } = this.#deps.settings;
    if (coalesceSendsBy !== "store") return 0;
    return Math.max(0, this.#lastCallAtMs + sendWindowMs - this.#deps.clock.monotonicMs());
  }

  /**
   * While a commit for all chats is under way the next one cannot begin: what arrives meanwhile collects, so that a
   * busy store costs one call per commit and not one per event-loop turn. A large collection goes ahead at once, to be
   * prepared while the store is busy.
   */
  #held(): boolean {
    return (
      this.#callsInFlight > 0 &&
      this.#turn.length < heldSendsMax &&
      this.#deps.settings.coalesceSendsBy === "store"
    );
  }

  /** Resolves when no send is waiting for an answer. */
  quiet(): Promise<void> {
    if (this.#callsInFlight === 0 && this.#turn.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  #endTurn(): void {
    this.#timer = undefined;
    this.#lastCallAtMs = this.#deps.clock.monotonicMs();
    const turn = this.#turn;
    this.#turn = [];
    this.#callNumber++;
    this.#lastSends = turn.length;
    this.#returned = 0;
    for (const { connection } of turn) connection.sendCall = this.#callNumber;
    for (const group of this.#groups(turn)) {
      for (const call of this.#calls(group)) void this.#call(call);
    }
  }

  /** Splits a group into calls of at most 100; sends of one connection and chat never span two calls that run at once. */
  #calls(group: readonly PendingSend[]): readonly (readonly PendingSend[])[] {
    const calls: PendingSend[][] = [];
    let call: PendingSend[] = [];
    let heldHere = new Set<unknown>();
    for (const send of group) {
      const { connection, frame } = send;
      if (call.length === limits.persistItemsMax) {
        calls.push(call);
        call = [];
        heldHere = new Set();
      }
      connection.waitingSends ??= new Map();
      const behind = connection.waitingSends.get(frame.payload.chat_id);
      if (behind !== undefined && !heldHere.has(behind)) {
        behind.push(send);
        continue;
      }
      if (behind === undefined) {
        // From now on later sends of this chat wait for the answer.
        const list: PendingSend[] = [];
        connection.waitingSends.set(frame.payload.chat_id, list);
        heldHere.add(list);
      }
      call.push(send);
    }
    if (call.length > 0) calls.push(call);
    return calls;
  }

  #groups(turn: readonly PendingSend[]): Iterable<readonly PendingSend[]> {
    if (this.#deps.settings.coalesceSendsBy === "store") return [turn];
    return Map.groupBy(turn, (send) => send.frame.payload.chat_id).values();
  }

  async #call(sends: readonly PendingSend[]): Promise<void> {
    const { clock, ingest, logger, settings } = this.#deps;
    this.#callsInFlight++;
    const nowMs = clock.nowMs();
    try {
      const request = create(PersistMessagesRequestSchema, {
        items: sends.map((send, index) => itemOf(send, index, settings.persistTimeoutMs, nowMs)),
      });
      const response = await ingest.persistMessages(request, { timeoutMs: settings.persistTimeoutMs });
      const timestamp = this.#deps.timestamp();
      for (const [index, send] of sends.entries()) {
        // Results carry their item's key; ours is its index, and the order is usually the same.
        const result = response.results[index];
        const own =
          result?.requestKey === String(index)
            ? result
            : response.results.find((r) => r.requestKey === String(index));
        this.#answer(send, own, timestamp);
      }
    } catch (thrown) {
      const error = normalizeError(thrown);
      logger.warn("persist_call_failed", {
        code: error.code,
        items: sends.length,
        error: toTriplaneError(thrown),
      });
      for (const send of sends) {
        this.#settle(send);
        const { code, message, details } = socketRefusal(error.code, error.message, undefined);
        send.connection.error(code, message, send.frame.request_id, details);
      }
    }
    this.#callsInFlight--;
    this.#next(sends);
    this.#schedule();
    if (this.#callsInFlight === 0 && this.#turn.length === 0) {
      for (const resolve of this.#whenQuiet.splice(0)) resolve();
    }
  }

  #answer(send: PendingSend, result: PersistItemResult | undefined, timestamp: string): void {
    this.#settle(send);
    const { connection, frame } = send;
    if (result?.outcome.case === "success") {
      const { value } = result.outcome;
      connection.control(
        sendMessageAck(frame.request_id, timestamp, {
          client_message_id: frame.payload.client_message_id,
          message_id: value.messageId,
          chat_id: frame.payload.chat_id,
          sequence: Number(value.sequence),
          created_at: value.createdAt,
        }),
      );
      return;
    }
    const failure = result?.outcome.case === "failure" ? result.outcome.value : undefined;
    const refusal = socketRefusal(
      failure?.errorCode ?? "INTERNAL_ERROR",
      failure?.errorMessage ?? "The send has no result",
      failure?.retryAfterSeconds,
    );
    connection.error(refusal.code, refusal.message, frame.request_id, refusal.details);
  }

  #settle(send: PendingSend): void {
    send.connection.requestsInFlight--;
  }

  /** The chats of this call are free again: what waited behind them goes with the next turn. */
  #next(sends: readonly PendingSend[]): void {
    const connections = new Set<Connection>();
    for (const { connection, frame } of sends) {
      connections.add(connection);
      const behind = connection.waitingSends?.get(frame.payload.chat_id);
      if (behind === undefined) continue;
      connection.waitingSends?.delete(frame.payload.chat_id);
      for (const send of behind) {
        connection.requestsInFlight--;
        this.add(send);
      }
    }
    for (const connection of connections) connection.flush();
  }
}

function itemOf(send: PendingSend, index: number, timeoutMs: number, nowMs: number): PersistItem {
  const { connection, frame } = send;
  const { payload } = frame;
  return create(PersistItemSchema, {
    requestKey: String(index),
    clientMessageId: payload.client_message_id,
    chatId: payload.chat_id,
    senderId: connection.init.userId,
    deviceId: connection.init.deviceId,
    connectionId: connection.init.connectionId,
    content: payload.content,
    requestId: frame.request_id,
    deadlineMs: Math.max(1, timeoutMs - (nowMs - send.receivedAtMs)),
    accessToken: connection.init.accessToken,
  });
}
