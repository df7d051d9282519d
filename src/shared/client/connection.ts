/** Drives the connection state machine: one socket at a time, its time limits, heartbeats and retries. */
import type { ConnectionClosingFrame, ConnectionEstablishedFrame, ServerFrame } from "../protocol/frames.ts";
import { parseServerFrame } from "../protocol/parse-server-frame.ts";
import { backoffMs } from "./backoff.ts";
import { LoggedOutError } from "./client-errors.ts";
import {
  type ConnectionEffect,
  type ConnectionInput,
  type ConnectionState,
  initialConnection,
  step,
} from "./connection-state.ts";
import type { StateTransition } from "./events.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Clock, FrameTap, Random, Socket, SocketClose, SocketFactory, Timer } from "./ports.ts";

export interface ConnectionParts {
  readonly url: string;
  readonly sockets: SocketFactory;
  readonly clock: Clock;
  readonly random: Random;
  readonly onFrame: FrameTap;
  readonly hooks: ConnectionHooks;
}

export interface ConnectionHooks {
  /** The token of the next attempt; another one than `refused`, if that is given. @throws {LoggedOutError} */
  token(refused: string | undefined, signal: AbortSignal): Promise<string>;
  deviceId(): string;
  /** Attempts fail without a reason that this platform tells: ask over REST whether the session still lives. */
  probe(signal: AbortSignal): Promise<void>;
  onTransition(transition: StateTransition): void;
  onEstablished(frame: ConnectionEstablishedFrame): void;
  onClosing(frame: ConnectionClosingFrame): void;
  /** Frames that are not the connection's own. */
  onFrame(frame: ServerFrame): void;
  onUnknownFrame(type: string): void;
  onMalformedFrame(message: string): void;
  onRoundTrip(roundTripMs: number, serverTime: string): void;
  /** Sends what must go out before closing; at most 2 s are waited for. */
  flush(): Promise<void>;
  onStopped(reason: string): void;
}

/** The client's own code for a socket it lets go of (RFC 6455 section 7.4.2: 4000-4999 are private). */
const droppedCode = 4000;

export class Connection {
  readonly #parts: ConnectionParts;
  #model = initialConnection;
  readonly #inputs: ConnectionInput[] = [];
  #stepping = false;
  #socket: Socket | undefined;
  /** Aborts what belongs to the current socket; a new one for each attempt. */
  #attempt = new AbortController();
  #limit: Timer | undefined;
  #retry: Timer | undefined;
  readonly #heartbeat: Heartbeat;
  #heartbeatIntervalMs = 0;
  #token: string | undefined;
  #refusedToken: string | undefined;
  #refusedInARow = 0;
  /** Attempts that ended before `connection_established`, or in 1008 without a word, for no known reason. */
  #unexplained = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#heartbeat = new Heartbeat(parts.clock, parts.random, {
      send: (text) => this.#transmit(text),
      onRoundTrip: (ms, serverTime) => parts.hooks.onRoundTrip(ms, serverTime),
      onDead: () => this.input({ type: "timed_out", reason: "heartbeat" }),
    });
  }

  get state(): ConnectionState {
    return this.#model.state;
  }

  /** Is another attempt due by itself? */
  get retrying(): boolean {
    return this.#retry !== undefined;
  }

  /** Hands a frame to the socket. @returns false when there is none that takes it */
  send(frame: object): boolean {
    const { state } = this.#model;
    if (state !== "Connected" && state !== "Syncing" && state !== "Ready" && state !== "Closing")
      return false;
    return this.#transmit(JSON.stringify(frame));
  }

  /** Inputs take effect one after another: one that an effect or a listener gives waits for its turn. */
  input(input: ConnectionInput): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
  }

  #step(input: ConnectionInput): void {
    const from = this.#model.state;
    const { model, effects } = step(this.#model, input);
    this.#model = model;
    for (const effect of effects) this.#perform(effect);
    // After the effects, so that a listener finds everything in place.
    if (model.state !== from) {
      this.#parts.hooks.onTransition({
        from,
        to: model.state,
        reason: "reason" in input ? `${input.type}: ${input.reason}` : input.type,
        atMs: this.#parts.clock.nowMs(),
      });
    }
  }

  /** Ends without a word, as a killed process would. */
  abandon(): void {
    this.#clearRetry();
    this.#clearLimit();
    this.#heartbeat.stop();
    this.#drop();
    this.#model = initialConnection;
  }

  #perform(effect: ConnectionEffect): void {
    switch (effect.type) {
      case "open":
        void this.#open();
        return;
      case "arm_limit":
        this.#clearLimit();
        this.#limit = this.#parts.clock.setTimer(effect.limitMs, () =>
          this.input({ type: "timed_out", reason: effect.reason }),
        );
        return;
      case "clear_limit":
        this.#clearLimit();
        return;
      case "start_heartbeat":
        this.#heartbeat.start(this.#heartbeatIntervalMs);
        return;
      case "stop_heartbeat":
        this.#heartbeat.stop();
        return;
      case "flush":
        this.#flush();
        return;
      case "close_socket":
        this.#socket?.close(1000, "");
        return;
      case "drop_socket":
        this.#drop();
        return;
      case "schedule_retry": {
        const { random, clock } = this.#parts;
        const jitterMs = effect.attempt === undefined ? 0 : backoffMs(random, effect.attempt);
        this.#clearRetry();
        this.#retry = clock.setTimer(effect.minDelayMs + jitterMs, () => {
          this.#retry = undefined;
          this.input({ type: "retry_due" });
        });
        return;
      }
      case "cancel_retry":
        this.#clearRetry();
        return;
      case "stopped":
        this.#parts.hooks.onStopped(effect.reason);
        return;
      default:
        effect satisfies never;
    }
  }

  async #open(): Promise<void> {
    const { hooks, sockets, url } = this.#parts;
    const attempt = new AbortController();
    this.#attempt = attempt;
    try {
      if (this.#unexplained >= 2) {
        this.#unexplained = 0;
        await hooks.probe(attempt.signal);
      }
      const token = await hooks.token(this.#refusedToken, attempt.signal);
      if (attempt.signal.aborted) return;
      this.#refusedToken = undefined;
      this.#token = token;
      const deviceId = hooks.deviceId();
      const query = `?device_id=${encodeURIComponent(deviceId)}`;
      const events = this.#socketEvents(attempt.signal);
      this.#socket = sockets.supportsHeaders
        ? sockets.open(url + query, { Authorization: `Bearer ${token}`, "X-Device-ID": deviceId }, events)
        : sockets.open(`${url}${query}&token=${encodeURIComponent(token)}`, {}, events);
    } catch (error) {
      if (attempt.signal.aborted) return;
      if (error instanceof LoggedOutError) this.input({ type: "stop", reason: error.reason });
      else this.input({ type: "lost", reason: describe(error), minDelayMs: 0 });
    }
  }

  #socketEvents(signal: AbortSignal) {
    return {
      onOpen: () => {
        if (!signal.aborted) this.input({ type: "opened" });
      },
      onText: (text: string) => {
        if (!signal.aborted) this.#receive(text);
      },
      onClose: (close: SocketClose) => {
        if (!signal.aborted) this.#closed(close);
      },
    };
  }

  #receive(text: string): void {
    const { hooks } = this.#parts;
    this.#parts.onFrame("in", text);
    const parsed = parseServerFrame(text);
    try {
      if (parsed.kind === "unknown_type") hooks.onUnknownFrame(parsed.type);
      else if (parsed.kind === "malformed") hooks.onMalformedFrame(parsed.message);
      else this.#route(parsed.frame);
    } catch (cause) {
      // Only the envelope has been checked: a payload of another shape must not end the program.
      hooks.onMalformedFrame(`${text.slice(0, 100)}: ${describe(cause)}`);
    }
  }

  #route(frame: ServerFrame): void {
    const { hooks } = this.#parts;
    switch (frame.type) {
      case "connection_established":
        if (this.#model.state !== "Authenticating") return;
        this.#heartbeatIntervalMs = frame.payload.heartbeat_interval_ms;
        this.#refusedInARow = 0;
        this.input({ type: "established" });
        hooks.onEstablished(frame);
        return;
      case "heartbeat_ack":
        this.#heartbeat.onAck(frame.request_id, frame.payload.server_time);
        return;
      case "connection_closing":
        this.#unexplained = 0;
        // Its end may be unknown here; refusing it now spares an attempt in vain.
        if (frame.payload.reason === "token_expired") this.#refusedToken = this.#token;
        hooks.onClosing(frame);
        this.input({
          type: "closing_received",
          reason: frame.payload.reason,
          reconnectDelayMs: Math.max(0, frame.payload.reconnect_delay_ms || 0),
          reconnectAllowed: frame.payload.reconnect_allowed !== false,
        });
        return;
      default:
        hooks.onFrame(frame);
    }
  }

  #closed(close: SocketClose): void {
    const { state } = this.#model;
    const early = state === "Connecting" || state === "Authenticating";
    const { httpStatus } = close;
    if (httpStatus !== undefined && state === "Connecting") {
      // The server was reached and has refused: that is a failed authentication, not a failed connect.
      this.input({ type: "opened" });
      if (httpStatus === 401) {
        this.#refusedInARow++;
        if (this.#refusedInARow > 1) {
          this.input({ type: "stop", reason: "UNAUTHORIZED" });
          return;
        }
        this.#refusedToken = this.#token;
      } else if (httpStatus < 500 && httpStatus !== 429 && httpStatus !== 408) {
        this.input({ type: "stop", reason: `refused_${httpStatus}` });
        return;
      }
    } else if (early || (close.code === 1008 && state !== "Closing")) {
      this.#unexplained++;
    }
    const reason = httpStatus === undefined ? `close ${close.code}` : `status ${httpStatus}`;
    this.input({ type: "lost", reason, minDelayMs: close.retryAfterMs ?? 0 });
  }

  #flush(): void {
    const { signal } = this.#attempt;
    const done = (): void => {
      if (!signal.aborted) this.input({ type: "flushed" });
    };
    this.#parts.hooks.flush().then(done, done);
  }

  #transmit(text: string): boolean {
    if (this.#socket === undefined) return false;
    this.#parts.onFrame("out", text);
    this.#socket.send(text);
    return true;
  }

  #drop(): void {
    this.#attempt.abort(new Error("the attempt ended"));
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(droppedCode, "");
  }

  #clearLimit(): void {
    this.#limit?.cancel();
    this.#limit = undefined;
  }

  #clearRetry(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
