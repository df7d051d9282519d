/**
 * The client as its user sees it. `TriplaneClient` implements it over a connection of its own, `TabClient` over
 * the one connection that the tabs of a browser share.
 */
import type { MessagePayload } from "../protocol/frames.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { ClientEventName, ClientEvents, SentMessage } from "./events.ts";
import type { RestCalls } from "./rest.ts";
import type { VerifiedOtp } from "./rest-types.ts";

/** For a status line. `offline`: not connected and not trying. */
export type ConnectionStatus = "connected" | "reconnecting" | "offline";

/** A message on its way; it is queued in local storage and survives a restart. */
export interface OutgoingMessage {
  /** The same over every retry and restart. */
  readonly clientMessageId: string;
  readonly chatId: string;
  /** As the server will store it: without control characters, in NFC. */
  readonly content: string;
  readonly createdAtMs: number;
  /**
   * Resolves when the message is durable on the server; rejects with SendError when it never will be, or with
   * the signal's reason. Not looking at it is fine: a rejection is then only told by the event `sendFailed`.
   */
  readonly acked: Promise<SentMessage>;
}

export interface SendOptions {
  /** Takes the message back while it has not been transmitted; afterwards it only ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** A UUID made by the caller, for messages that it numbers itself. Default: a fresh one. */
  readonly clientMessageId?: string | undefined;
}

export interface MessageRange {
  /** Exclusive; default: the newest. */
  readonly beforeSequence?: number | undefined;
  /** Default 100. */
  readonly limit?: number | undefined;
}

export interface ChatClient extends AsyncDisposable {
  readonly state: ConnectionState;
  readonly status: ConnectionStatus;
  /** The user that is logged in. */
  readonly userId: string | undefined;
  /** What waits to be sent or answered, the oldest first. */
  readonly unsent: readonly OutgoingMessage[];
  /** The REST calls, authenticated, retried where that is safe. */
  readonly rest: RestCalls;

  /** @returns removes the listener, as does the signal. */
  on<Name extends ClientEventName>(
    name: Name,
    listener: (payload: ClientEvents[Name]) => void,
    signal?: AbortSignal,
  ): () => void;
  /** Resolves with the next event that passes the test; rejects with the signal's reason. */
  next<Name extends ClientEventName>(
    name: Name,
    accepts?: (payload: ClientEvents[Name]) => boolean,
    signal?: AbortSignal,
  ): Promise<ClientEvents[Name]>;

  /** Exchanges a code from `rest.requestOtp` for a session and keeps it. @throws {RestError} INVALID_OTP, ... */
  login(phoneNumber: string, otp: string, signal?: AbortSignal): Promise<VerifiedOtp>;
  /** Ends the session on the server and forgets it here, also if the server cannot be reached. */
  logout(signal?: AbortSignal): Promise<void>;

  /**
   * Connects and stays connected: reconnects with full-jitter back-off, refreshes tokens, catches up. Resolves at
   * the first Ready; may be called again at any time to try at once.
   * @throws {LoggedOutError} no session, or it ended
   * @throws {ConnectionStoppedError} the server told it to stay away, or `disconnect` was called meanwhile
   */
  connect(signal?: AbortSignal): Promise<void>;
  /** Flushes acks, closes with 1000 and stays offline; what is sent meanwhile is queued. */
  disconnect(): Promise<void>;

  /**
   * Queues a message, also while offline; it goes out in order per chat, is retried with the same id until the
   * server has answered for it, and is stored locally before the first attempt.
   * @throws {SendError} content that the server would refuse, OUTBOX_FULL
   */
  send(chatId: string, content: string, options?: SendOptions): OutgoingMessage;
  /** Messages of a chat from local storage, ascending, dense up to the chat's cursor. */
  messages(chatId: string, range?: MessageRange): Promise<readonly MessagePayload[]>;
  /** Asks the server for everything above the cursor; resolves when the chat is complete. */
  sync(chatId: string, signal?: AbortSignal): Promise<void>;
  /** Tells the other members, at most every 3 s; call it on each keystroke. Lost while not connected. */
  startTyping(chatId: string): void;
  stopTyping(chatId: string): void;

  /** Disconnects in good order and releases storage. The client cannot be used any more. */
  close(): Promise<void>;
}
