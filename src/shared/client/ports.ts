/**
 * What the client needs from its surroundings. The defaults are made in `platform.ts`; a simulation passes a
 * virtual clock, seeded randomness, in-memory sockets and an in-process fetch instead.
 */

/** A pending timer. Cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch; may jump with the system's clock. */
  nowMs(): number;
  /** Milliseconds that never go backwards; for durations only. */
  monotonicMs(): number;
  /** Calls back once, after at least `delayMs`. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

export interface Random {
  /** `length` uniform bytes. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  float(): number;
}

export interface SocketClose {
  /** RFC 6455 section 7.4; 1006 when the link broke or the upgrade was refused. */
  readonly code: number;
  readonly reason: string;
  /** Status of a refused upgrade, where the platform tells it (browsers and Bun do not). */
  readonly httpStatus: number | undefined;
  /** From a refusal's `Retry-After`, where the platform tells it. */
  readonly retryAfterMs: number | undefined;
}

/** After `onClose` nothing follows. Calls may come at any time after `open` returned, never during it. */
export interface SocketEvents {
  onOpen(): void;
  onText(text: string): void;
  onClose(close: SocketClose): void;
}

export interface Socket {
  send(text: string): void;
  /** Starts the closing handshake; `onClose` follows, possibly late. */
  close(code: number, reason: string): void;
}

export interface SocketFactory {
  /** Can the upgrade carry headers? Without, the token travels in the query. */
  readonly supportsHeaders: boolean;
  open(url: string, headers: Readonly<Record<string, string>>, events: SocketEvents): Socket;
}

export interface HttpRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** The platform's `fetch`, reduced to what is used. Rejects when no answer came. */
export type HttpFetch = (url: string, request: HttpRequest) => Promise<HttpResponse>;

/** `out` is what the client sent, `in` what it received; the text is the frame as on the wire. */
export type FrameTap = (direction: "in" | "out", text: string) => void;
