/**
 * One client's connection: who it is, what it may still be owed, when it must end. Holds no timers of its own
 * and touches the socket only through its port. Kept small: there are tens of thousands of these.
 */
import type { ConnectionId, DeviceId, SessionId, UserId } from "../shared/domain/ids.ts";
import { type CloseReason, closeReasons } from "../shared/protocol/close-codes.ts";
import type { SocketErrorCode } from "../shared/protocol/error-codes.ts";
import { connectionClosing, errorFrame } from "./encode-frame.ts";
import type { GatewaySettings } from "./gateway-deps.ts";
import { Outbox, type OutboxTotal } from "./outbox.ts";
import type { PendingSend } from "./send-coalescer.ts";
import { type Socket, sendBytesMax } from "./socket.ts";

export interface ConnectionInit {
  readonly connectionId: ConnectionId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly sessionId: SessionId;
  readonly tokenId: string;
  readonly accessToken: string;
  readonly tokenExpiresAtMs: number;
  readonly connectedAtMs: number;
  /** When the 24 h rotation is due, monotonic. */
  readonly rotateAtMs: number;
}

/** What all connections of a gateway share. */
export interface ConnectionContext {
  readonly settings: GatewaySettings;
  readonly outboxTotal: OutboxTotal;
  /** ISO time of now. */
  readonly timestamp: () => string;
  readonly monotonicMs: () => number;
  /** The connection has waiting bytes: it must not be fed by topics. */
  readonly onBlocked: (connection: Connection) => void;
  readonly onDrained: (connection: Connection) => void;
  /** Its deadline moved nearer. */
  readonly onDeadlineNearer: (connection: Connection, dueMs: number) => void;
  readonly onClosing: (connection: Connection, reason: CloseReason) => void;
  /** All outboxes together hold more than the process may. */
  readonly onTotalExceeded: () => void;
}

export class Connection {
  readonly init: ConnectionInit;
  readonly #context: ConnectionContext;
  #socket: Socket | undefined;
  #outbox: Outbox | undefined;
  /** Frames of this turn, handed over together by `flush`. */
  #turn: string[] = [];
  #turnBytes = 0;
  #announced = false;
  /** The socket accepts; false from the first back-pressure until it has drained and the outbox is empty. */
  flowing = true;
  closed = false;
  /** This and all times below are monotonic: a corrected wall clock neither ends connections nor hides them. */
  lastHeartbeatMs: number;
  lastRouteRefreshMs: number;
  requestsInFlight = 0;
  /** Number of the call that took its last send; 0 once it has sent again. */
  sendCall = 0;
  syncsInFlight = 0;
  /** Sends of a chat that wait for the answer to the ones before them. */
  waitingSends: Map<string, PendingSend[]> | undefined;
  /** End of the slow-consumer grace. */
  graceEndsAtMs: number | undefined;
  /** Times of counted misbehaviour, lazily made: invalid frames, refused sends, busy answers. */
  violations: number[] | undefined;
  rateRefusals: number[] | undefined;
  busyRefusals: number[] | undefined;
  syncTimes: number[] | undefined;

  constructor(init: ConnectionInit, context: ConnectionContext) {
    this.init = init;
    this.#context = context;
    const nowMs = context.monotonicMs();
    this.lastHeartbeatMs = nowMs;
    this.lastRouteRefreshMs = nowMs;
  }

  open(socket: Socket): void {
    this.#socket = socket;
  }

  get socket(): Socket | undefined {
    return this.#socket;
  }

  get outbox(): Outbox | undefined {
    return this.#outbox;
  }

  /** Queues a push or a page for this turn. @returns false when it was refused: the connection is doomed */
  push(frame: string, bytes: number): boolean {
    if (this.closed) return false;
    // A full turn is handed over; the next one goes on if the socket still accepts.
    if (this.#turnBytes + bytes > sendBytesMax) this.flush();
    if (!this.flowing) return this.#wait(frame, bytes);
    this.#turn.push(frame);
    this.#turnBytes += bytes;
    return true;
  }

  /** Sends an answer or another small frame; goes before waiting pushes. */
  control(frame: string): void {
    if (this.closed) return;
    const bytes = frame.length;
    if (this.#turnBytes + bytes > sendBytesMax) this.flush();
    if (!this.flowing) {
      const outbox = this.#openOutbox();
      outbox.pushControl(frame, bytes);
      if (outbox.overflowed) this.#watch(outbox);
      return;
    }
    this.#turn.push(frame);
    this.#turnBytes += bytes;
  }

  error(
    code: SocketErrorCode,
    message: string,
    requestId: string | undefined,
    details: Readonly<Record<string, unknown>> | undefined,
  ): void {
    this.control(errorFrame(code, message, this.#context.timestamp(), requestId, details));
  }

  /** Hands this turn's frames to the socket in one write. */
  flush(): void {
    if (this.#turn.length === 0) return;
    const frames = this.#turn;
    this.#turn = [];
    this.#turnBytes = 0;
    this.#hand(frames);
  }

  /** The socket's drain callback, or a look that found its buffer empty. */
  drained(): void {
    if (this.closed || this.flowing) return;
    const outbox = this.#outbox;
    while (outbox !== undefined && !outbox.empty) {
      if (this.#socket?.send(outbox.take(sendBytesMax)) === false) {
        this.#watch(outbox);
        return;
      }
    }
    this.flowing = true;
    if (outbox !== undefined) this.#watch(outbox);
    this.#outbox = outbox?.overflowed === true ? outbox : undefined;
    this.#context.onDrained(this);
  }

  /** Bytes wait in the runtime although nothing was refused (topics): from now on the outbox feeds it. */
  block(): void {
    if (!this.flowing || this.closed) return;
    this.flowing = false;
    this.#context.onBlocked(this);
  }

  /** Tells the client to leave on its own, once; `close` then ends it without telling again. */
  announce(reason: CloseReason, reconnectDelayMs: number): void {
    if (this.closed || this.#announced) return;
    this.#announced = true;
    this.control(connectionClosing(reason, this.#context.timestamp(), reconnectDelayMs));
    this.flush();
  }

  /** Hands over the answers that still wait, says why, then closes. Nothing is left without a reason frame. */
  close(reason: CloseReason, reconnectDelayMs: number, code: number = closeReasons[reason].code): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    // Small frames, for which the runtime's buffer has room beyond what turns and topics may fill.
    const last = [...(this.#outbox?.takeControl() ?? [])];
    this.#outbox?.clear();
    if (!this.#announced) last.push(connectionClosing(reason, this.#context.timestamp(), reconnectDelayMs));
    if (last.length > 0) this.#socket?.send(last);
    this.#socket?.close(code, reason);
    this.#context.onClosing(this, reason);
  }

  /** The socket is gone. */
  gone(): void {
    this.closed = true;
    this.#outbox?.clear();
    this.#turn = [];
    this.waitingSends = undefined;
  }

  #hand(frames: readonly string[]): void {
    if (this.closed) return;
    if (this.#socket?.send(frames) === false) this.block();
  }

  #wait(frame: string, bytes: number): boolean {
    const outbox = this.#openOutbox();
    const accepted = outbox.push(frame, bytes);
    this.#watch(outbox);
    if (this.#context.outboxTotal.bytes > this.#context.settings.outbox.totalBytesMax) {
      this.#context.onTotalExceeded();
    }
    return accepted;
  }

  #openOutbox(): Outbox {
    this.#outbox ??= new Outbox(this.#context.settings.outbox, this.#context.outboxTotal);
    return this.#outbox;
  }

  /** Warns a slow consumer once and starts its grace; ends the grace when it has recovered in time. */
  #watch(outbox: Outbox): void {
    const { settings } = this.#context;
    if (this.graceEndsAtMs === undefined) {
      if (outbox.level !== "critical" && !outbox.overflowed) return;
      this.graceEndsAtMs = this.#context.monotonicMs() + settings.outbox.gracePeriodMs;
      this.#context.onDeadlineNearer(this, this.graceEndsAtMs);
      this.error("SLOW_CONSUMER", "Messages are read too slowly", undefined, {
        ...(outbox.fullerInBytes
          ? { buffer_size: outbox.bytes, buffer_limit: settings.outbox.bytesMax, unit: "bytes" }
          : { buffer_size: outbox.messages, buffer_limit: settings.outbox.messagesMax }),
        grace_period: settings.outbox.gracePeriodMs / 1000,
      });
    } else if (!outbox.overflowed && outbox.fillPercent < settings.outbox.warningPercent) {
      this.graceEndsAtMs = undefined;
    }
  }
}
