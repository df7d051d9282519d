/**
 * What a client's frame leads to: answers from memory, a send, a sync, an ack, a notice. Refusals come in the
 * order of the failure contract, section 3.1: frame, rate limits, queue depth, then the call.
 */

import type { SendMessageFrame, SyncRequestFrame } from "../shared/protocol/frames.ts";
import { type FrameRefusal, parseClientFrame } from "../shared/protocol/parse-client-frame.ts";
import { protocolLimits } from "../shared/protocol/protocol-limits.ts";
import { normalizeError } from "../shared/rpc/error-edge.ts";
import type { AckForwarder } from "./ack-forwarder.ts";
import type { Connection } from "./connection.ts";
import { heartbeatAck, syncResponse } from "./encode-frame.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { SendCoalescer } from "./send-coalescer.ts";
import { countRecent, type SendLimits } from "./send-limits.ts";
import { socketRefusal } from "./socket-refusal.ts";
import type { Typing } from "./typing.ts";

export interface FrameHandlerDeps extends Pick<GatewayDeps, "clock" | "logger" | "ingest" | "settings"> {
  readonly coalescer: SendCoalescer;
  readonly sendLimits: SendLimits;
  readonly acks: AckForwarder;
  readonly typing: Typing;
  readonly timestamp: () => string;
  /** The gateway takes no new work. */
  readonly draining: () => boolean;
  readonly onHeartbeat: (connection: Connection) => void;
}

const violationsMax = 10;
const violationWindowMs = 60_000;
const rateRefusalsMax = 50;
const rateRefusalWindowMs = 60_000;
const busyRefusalsMax = 100;
const busyRefusalWindowMs = 10_000;
const abuseReconnectDelayMs = 30_000;

export class FrameHandler {
  readonly #deps: FrameHandlerDeps;

  constructor(deps: FrameHandlerDeps) {
    this.#deps = deps;
  }

  /** One text frame. @param bytes its size on the wire */
  onText(connection: Connection, text: string, bytes: number): void {
    if (connection.closed) return;
    if (bytes > protocolLimits.frameBytesMax) {
      connection.error(
        "MESSAGE_TOO_LARGE",
        `The frame is ${bytes} bytes, limit ${protocolLimits.frameBytesMax}`,
        undefined,
        { max_bytes: protocolLimits.frameBytesMax, received_bytes: bytes },
      );
      this.#countViolation(connection);
      connection.flush();
      return;
    }
    const parsed = parseClientFrame(text);
    if (parsed.kind === "refused") this.#refuse(connection, parsed);
    else if (parsed.kind === "unknown_type") {
      this.#deps.logger.debug("unknown_frame_type", {
        connection_id: connection.init.connectionId,
        type: parsed.type.slice(0, 64),
      });
      return;
    } else {
      const { frame } = parsed;
      switch (frame.type) {
        case "send_message":
          this.#send(connection, frame);
          break;
        case "sync_request":
          this.#sync(connection, frame);
          break;
        case "ack":
          this.#deps.acks.add(connection, frame.payload.chat_id, frame.payload.last_acked_sequence);
          return;
        case "heartbeat":
          connection.control(heartbeatAck(frame.request_id, this.#deps.timestamp()));
          this.#deps.onHeartbeat(connection);
          break;
        case "typing_start":
        case "typing_stop":
          this.#deps.typing.onFrame(connection, frame.payload.chat_id, frame.type === "typing_start");
          return;
      }
    }
    connection.flush();
  }

  #refuse(connection: Connection, refusal: FrameRefusal): void {
    connection.error(refusal.code, refusal.message, refusal.requestId, refusal.details);
    this.#countViolation(connection);
  }

  #countViolation(connection: Connection): void {
    connection.violations ??= [];
    const count = countRecent(connection.violations, this.#deps.clock, violationWindowMs, violationsMax);
    if (count >= violationsMax) connection.close("protocol_error", abuseReconnectDelayMs);
  }

  #send(connection: Connection, frame: SendMessageFrame): void {
    if (this.#refusedNow(connection, frame.request_id)) return;
    const receivedAtMs = this.#deps.clock.nowMs();
    const retryAfter = this.#deps.sendLimits.take(connection, frame.payload.chat_id);
    if (retryAfter === undefined) this.#enqueue(connection, frame, receivedAtMs);
    else if (typeof retryAfter === "number") this.#rateLimited(connection, frame.request_id, retryAfter);
    else void this.#sendLater(connection, frame, receivedAtMs, retryAfter);
  }

  /** The limiter answers asynchronously, and in order: so arrival order is kept. */
  async #sendLater(
    connection: Connection,
    frame: SendMessageFrame,
    receivedAtMs: number,
    decision: Promise<number | undefined>,
  ): Promise<void> {
    const retryAfter = await decision;
    if (retryAfter !== undefined) this.#rateLimited(connection, frame.request_id, retryAfter);
    else this.#enqueue(connection, frame, receivedAtMs);
    connection.flush();
  }

  #enqueue(connection: Connection, frame: SendMessageFrame, receivedAtMs: number): void {
    if (connection.requestsInFlight >= this.#deps.settings.requestsPerConnectionMax) {
      this.#busy(connection, frame.request_id);
      return;
    }
    this.#deps.coalescer.add({ connection, frame, receivedAtMs });
  }

  #sync(connection: Connection, frame: SyncRequestFrame): void {
    const { clock, settings } = this.#deps;
    if (this.#refusedNow(connection, frame.request_id)) return;
    if (settings.rateLimitsEnabled) {
      connection.syncTimes ??= [];
      const { syncTimes } = connection;
      const nowMs = clock.monotonicMs();
      while (syncTimes[0] !== undefined && syncTimes[0] <= nowMs - 1000) syncTimes.shift();
      if (
        syncTimes.length >= settings.syncsPerSecond ||
        connection.syncsInFlight >= settings.syncsConcurrentMax
      ) {
        this.#rateLimited(connection, frame.request_id, 1);
        return;
      }
      syncTimes.push(nowMs);
    }
    if (connection.requestsInFlight >= settings.requestsPerConnectionMax) {
      this.#busy(connection, frame.request_id);
      return;
    }
    connection.requestsInFlight++;
    connection.syncsInFlight++;
    void this.#syncNow(connection, frame).finally(() => {
      connection.requestsInFlight--;
      connection.syncsInFlight--;
      connection.flush();
    });
  }

  async #syncNow(connection: Connection, frame: SyncRequestFrame): Promise<void> {
    const { ingest, settings } = this.#deps;
    const { chat_id, last_acked_sequence, limit } = frame.payload;
    try {
      const page = await ingest.syncMessages(
        {
          chatId: chat_id,
          userId: connection.init.userId,
          lastAckedSequence: BigInt(last_acked_sequence),
          limit: limit ?? protocolLimits.syncPageDefault,
          accessToken: connection.init.accessToken,
        },
        { timeoutMs: settings.persistTimeoutMs },
      );
      const text = syncResponse(frame.request_id, this.#deps.timestamp(), {
        chat_id,
        messages: page.messages.map((message) => ({
          message_id: message.messageId,
          sequence: Number(message.sequence),
          sender_id: message.senderId,
          content: message.content,
          content_type: "text/plain",
          created_at: message.createdAt,
        })),
        has_more: page.hasMore,
        ...(page.nextSequence === undefined ? {} : { next_sequence: Number(page.nextSequence) }),
      });
      connection.push(text, Buffer.byteLength(text, "utf8"));
    } catch (thrown) {
      const error = normalizeError(thrown);
      const refusal = socketRefusal(error.code, error.message, undefined);
      connection.error(refusal.code, refusal.message, frame.request_id, refusal.details);
    }
  }

  /** New work during a drain is refused; nothing is buffered for later. */
  #refusedNow(connection: Connection, requestId: string): boolean {
    if (!this.#deps.draining()) return false;
    connection.error(
      "SERVICE_UNAVAILABLE",
      "The server is going away; reconnect and try again",
      requestId,
      undefined,
    );
    return true;
  }

  #rateLimited(connection: Connection, requestId: string, retryAfterSeconds: number): void {
    connection.error("RATE_LIMITED", `Too many requests; retry in ${retryAfterSeconds} s`, requestId, {
      retry_after_seconds: retryAfterSeconds,
    });
    connection.rateRefusals ??= [];
    const count = countRecent(
      connection.rateRefusals,
      this.#deps.clock,
      rateRefusalWindowMs,
      rateRefusalsMax,
    );
    if (count >= rateRefusalsMax) connection.close("rate_limited", abuseReconnectDelayMs);
  }

  #busy(connection: Connection, requestId: string): void {
    const { requestsPerConnectionMax } = this.#deps.settings;
    connection.error(
      "SERVER_BUSY",
      `${requestsPerConnectionMax} requests are waiting on this connection already`,
      requestId,
      undefined,
    );
    connection.busyRefusals ??= [];
    const count = countRecent(
      connection.busyRefusals,
      this.#deps.clock,
      busyRefusalWindowMs,
      busyRefusalsMax,
    );
    if (count >= busyRefusalsMax) connection.close("rate_limited", abuseReconnectDelayMs);
  }
}
