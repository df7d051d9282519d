/**
 * One WebSocket over a simulated network: two ordered pipes, a receive window, the runtime's buffer behind it,
 * and every way of breaking. Behaves to the gateway as Bun's sockets do.
 */
import type { Connection } from "../../src/gateway/connection.ts";
import type { Gateway } from "../../src/gateway/gateway.ts";
import { backpressureBytesMax, type Socket } from "../../src/gateway/socket.ts";
import type { Socket as ClientSocket, SocketClose, SocketEvents } from "../../src/shared/client/ports.ts";
import type { FaultCounts } from "./fault-counts.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedTopics } from "./simulated-topics.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface LinkParts {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly faults: FaultCounts;
  readonly events: SocketEvents;
  readonly latencyMs: { readonly min: number; readonly max: number };
  /** What sender and receiver hold between them before the sender's runtime must buffer. */
  readonly windowBytes: number;
  readonly losesFrame: (frame: string) => boolean;
  /** Frames that the runtime dropped over its limit: our code must never let that happen. */
  readonly onDropped: (frame: string) => void;
  readonly onEnded: (link: SimulatedLink) => void;
}

/** What arrives at the client, in order. */
type Downstream = { readonly frame: string; readonly bytes: number } | { readonly close: SocketClose };

/** How long a browser waits for the answer to its close. */
const closeTimeoutMs = 5000;

export class SimulatedLink {
  readonly #parts: LinkParts;
  #gateway: Gateway | undefined;
  #connection: Connection | undefined;
  #topics: SimulatedTopics | undefined;
  readonly subscribed = new Set<string>();
  #clientOpen = true;
  #serverOpen = false;
  /** Nothing passes any more, in neither direction, and nobody is told. */
  #blackHole = false;
  /** Until then everything is held back, as by retransmissions. */
  #stalledUntilMs = 0;
  #upAtMs = 0;
  #downAtMs = 0;
  #inFlightBytes = 0;
  #discarding = false;
  #runtime: Downstream[] = [];
  #runtimeBytes = 0;
  #published: string[] = [];
  #flushPending = false;
  #arrived: Downstream[] = [];
  #reading = true;
  #readPauseMs = 0;
  #readPending = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** The client's end. */
  get clientSocket(): ClientSocket {
    return {
      send: (text) => {
        if (!this.#clientOpen) return;
        this.#up(() => {
          if (this.#serverOpen && this.#connection !== undefined) {
            this.#gateway?.onText(this.#connection, text, Buffer.byteLength(text));
          }
        });
      },
      close: (code, reason) => this.#closeByClient({ ...brokenClose, code, reason }),
    };
  }

  get clientOpen(): boolean {
    return this.#clientOpen;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Bytes that wait in the server's runtime. */
  get waitingBytes(): number {
    return this.#runtimeBytes;
  }

  /** The upgrade was accepted: both ends are open. */
  opened(gateway: Gateway, connection: Connection, topics: SimulatedTopics): void {
    this.#gateway = gateway;
    this.#connection = connection;
    this.#topics = topics;
    this.#serverOpen = true;
    this.#arriveLater(() => this.#parts.events.onOpen());
    gateway.opened(connection, this.#serverSocket());
  }

  /** The upgrade was refused, or there is no server. */
  refused(): void {
    this.#arriveLater(() => this.#endClient(brokenClose));
  }

  /** Both ends are told at once. */
  reset(): void {
    this.#endServer();
    this.#endClient(brokenClose);
  }

  /** Only the client notices; the server keeps a connection to nobody. */
  halfOpen(): void {
    this.#blackHole = true;
    this.#endClient(brokenClose);
  }

  /** Nobody notices. */
  blackHole(): void {
    this.#blackHole = true;
  }

  /** Everything is late, nothing is lost. */
  stall(forMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#parts.clock.monotonicMs() + forMs);
  }

  /** The client's program reads one frame per `pauseMs`; undefined: not at all; 0: as they come. */
  readEvery(pauseMs: number | undefined): void {
    this.#reading = pauseMs !== undefined;
    this.#readPauseMs = pauseMs ?? 0;
    this.#read();
  }

  /** The server's process is gone: its kernel ends the connection, perhaps throwing away what is on the way. */
  serverDied(): void {
    if (!this.#serverOpen && !this.#clientOpen) return;
    this.#serverOpen = false;
    this.#topics?.forget(this);
    // A kernel that resets lets the other end throw away what it has not read yet.
    this.#discarding = this.#parts.random.chance(0.5);
    const losesFlight = this.#discarding && this.#inFlightBytes > 0;
    if (losesFlight || this.#runtime.length > 0 || this.#published.length > 0) {
      this.#parts.faults.note("frames_lost_with_server");
    }
    this.#runtime = [];
    this.#published = [];
    this.#arriveLater(() => this.#arrive({ close: brokenClose }));
  }

  /** The client's process is gone: its kernel closes the connection. */
  clientDied(): void {
    this.#clientOpen = false;
    this.#up(() => this.#endServer());
  }

  /** A frame of a topic: handed over at the end of the turn, or before the next direct send. */
  published(frame: string): void {
    if (!this.#serverOpen) return;
    this.#published.push(frame);
    if (this.#flushPending) return;
    this.#flushPending = true;
    this.#parts.clock.setTimer(0, () => {
      this.#flushPending = false;
      this.#flushPublished();
    });
  }

  #serverSocket(): Socket {
    return {
      send: (frames) => {
        if (!this.#serverOpen) return false;
        this.#flushPublished();
        for (const frame of frames) {
          if (this.#accept(frame)) continue;
          this.#parts.clock.setTimer(0, () => this.reset());
          return false;
        }
        if (this.#runtimeBytes > 0) this.#parts.faults.note("server_blocked_by_reader");
        return this.#runtimeBytes === 0;
      },
      subscribe: (topic) => this.#topics?.subscribe(this, topic),
      unsubscribe: (topic) => this.#topics?.unsubscribe(this, topic),
      publish: (topic, frame) => this.#topics?.publishExcept(topic, frame, this),
      bufferedBytes: () => this.#runtimeBytes,
      close: (code, reason) => {
        if (!this.#serverOpen) return;
        // As in Bun, what topics hold for a socket that closes is gone.
        this.#published = [];
        this.#runtime.push({ close: { ...brokenClose, code, reason } });
        this.#pump();
        this.#parts.clock.setTimer(0, () => this.#endServer());
      },
    };
  }

  #flushPublished(): void {
    const frames = this.#published;
    this.#published = [];
    for (const frame of frames) this.#accept(frame);
  }

  /** @returns false when the runtime has dropped the frame */
  #accept(frame: string): boolean {
    if (this.#parts.losesFrame(frame)) return true;
    const bytes = Buffer.byteLength(frame);
    if (this.#runtimeBytes + bytes > backpressureBytesMax) {
      this.#parts.onDropped(frame);
      return false;
    }
    this.#runtime.push({ frame, bytes });
    this.#runtimeBytes += bytes;
    this.#pump();
    return true;
  }

  /** From the runtime's buffer to the network, as far as the window lets it. */
  #pump(): void {
    const hadWaiting = this.#runtimeBytes > 0;
    for (let next = this.#runtime[0]; next !== undefined; next = this.#runtime[0]) {
      const bytes = "frame" in next ? next.bytes : 0;
      if (this.#inFlightBytes > 0 && this.#inFlightBytes + bytes > this.#parts.windowBytes) return;
      this.#runtime.shift();
      this.#runtimeBytes -= bytes;
      this.#inFlightBytes += bytes;
      const item = next;
      this.#arriveLater(() => this.#arrive(item));
    }
    if (!hadWaiting) return;
    this.#parts.clock.setTimer(0, () => {
      if (!this.#serverOpen || this.#runtimeBytes > 0 || this.#connection === undefined) return;
      this.#gateway?.onDrain(this.#connection);
    });
  }

  #arrive(item: Downstream): void {
    if (this.#discarding && "frame" in item) return;
    this.#arrived.push(item);
    this.#read();
  }

  #read(): void {
    while (this.#reading && !this.#readPending) {
      const next = this.#arrived.shift();
      if (next === undefined) return;
      if ("close" in next) {
        this.#endClient(next.close);
        return;
      }
      if (this.#clientOpen) this.#parts.events.onText(next.frame);
      this.#up(() => {
        this.#inFlightBytes -= next.bytes;
        this.#pump();
      });
      if (this.#readPauseMs === 0) continue;
      this.#readPending = true;
      this.#parts.clock.setTimer(this.#readPauseMs, () => {
        this.#readPending = false;
        this.#read();
      });
    }
  }

  #closeByClient(close: SocketClose): void {
    if (!this.#clientOpen) return;
    const { clock } = this.#parts;
    this.#up(() => {
      this.#endServer();
      this.#arriveLater(() => this.#endClient(close));
    });
    clock.setTimer(closeTimeoutMs, () => this.#endClient(brokenClose));
  }

  #endClient(close: SocketClose): void {
    if (!this.#clientOpen) return;
    this.#clientOpen = false;
    this.#parts.onEnded(this);
    this.#parts.events.onClose(close);
  }

  #endServer(): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#topics?.forget(this);
    if (this.#connection !== undefined) this.#gateway?.onClosed(this.#connection);
  }

  #up(effect: () => void): void {
    this.#upAtMs = this.#passAt(this.#upAtMs);
    this.#later(this.#upAtMs, effect);
  }

  #arriveLater(effect: () => void): void {
    this.#downAtMs = this.#passAt(this.#downAtMs);
    this.#later(this.#downAtMs, effect);
  }

  /** Order within one direction holds: nothing overtakes what left before. */
  #passAt(previousMs: number): number {
    const { clock, latencyMs, random } = this.#parts;
    const startMs = Math.max(clock.monotonicMs(), this.#stalledUntilMs);
    return Math.max(previousMs, startMs + random.between(latencyMs.min, latencyMs.max));
  }

  #later(atMs: number, effect: () => void): void {
    if (this.#blackHole) return;
    this.#parts.clock.setTimer(atMs - this.#parts.clock.monotonicMs(), () => {
      if (!this.#blackHole) effect();
    });
  }
}

/** What a client sees of every break and refusal (RFC 6455 section 7.1.5). */
const brokenClose: SocketClose = {
  code: 1006,
  reason: "",
  httpStatus: undefined,
  retryAfterMs: undefined,
};
