/** What the client tells its user. Fields of its own are camelCase, resources and messages keep the wire's names. */
import type { MessagePayload } from "../protocol/frames.ts";
import type { SendError } from "./client-errors.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { ChatDetail } from "./rest-types.ts";

export interface StateTransition {
  readonly from: ConnectionState;
  readonly to: ConnectionState;
  /** What caused it: an input of the state machine, a closing reason or a close code. */
  readonly reason: string;
  /** Wall time of the client. */
  readonly atMs: number;
}

/** A message of one's own that the server has made durable. */
export interface SentMessage {
  readonly clientMessageId: string;
  /** As every member sees it. */
  readonly message: MessagePayload;
}

/** Something worth logging that no call is waiting for. */
export interface ClientProblem {
  /** The server's code, or `MALFORMED_FRAME`, `SERVER_HOLE`, `STORAGE_FAILED`, `LISTENER_FAILED`, `DELIVERY_STATE_FAILED`, `REFRESH_FAILED`. */
  readonly code: string;
  readonly message: string;
  readonly cause: unknown;
}

export interface ClientEvents {
  stateChanged: StateTransition;
  /** Once per message that came by push or sync, as soon as it is known: may be out of order around a hole. */
  messageReceived: { readonly message: MessagePayload; readonly source: "push" | "sync" };
  /**
   * Messages joined the gapless part of a chat: ascending, dense, one's own included, each once per client
   * object, never backwards. `cursor` is the last sequence up to which everything is here.
   */
  timelineAdvanced: {
    readonly chatId: string;
    readonly messages: readonly MessagePayload[];
    readonly cursor: number;
  };
  /** One attempt went out; `attempt` counts from 1. */
  messageSent: {
    readonly clientMessageId: string;
    readonly chatId: string;
    readonly requestId: string;
    readonly attempt: number;
  };
  /** `send_message_ack`: durable. Once per message. */
  ackReceived: SentMessage;
  sendFailed: {
    readonly clientMessageId: string;
    readonly chatId: string;
    readonly content: string;
    readonly error: SendError;
  };
  /** One chat is complete up to `cursor`; `messages` is how many the answers held. */
  syncCompleted: {
    readonly chatId: string;
    readonly from: number;
    readonly cursor: number;
    readonly messages: number;
  };
  /** A push above `cursor + 1` came: a sync of the chat has been asked for. */
  holeDetected: { readonly chatId: string; readonly cursor: number; readonly sequence: number };
  chatUpdated: { readonly chat: ChatDetail };
  /** The server says that the user is not, or no longer, a member. */
  chatRemoved: { readonly chatId: string; readonly code: string };
  typing: { readonly chatId: string; readonly userId: string; readonly isTyping: boolean };
  /** An `ack` went out. */
  watermarkSent: { readonly chatId: string; readonly lastAckedSequence: number };
  closing: {
    readonly reason: string;
    readonly reconnectDelayMs: number;
    readonly reconnectAllowed: boolean;
  };
  /** From every heartbeat. `clockOffsetMs` is server time minus local time. */
  roundTrip: { readonly roundTripMs: number; readonly clockOffsetMs: number };
  unknownFrame: { readonly type: string };
  error: ClientProblem;
  loggedOut: { readonly reason: string };
}

export type ClientEventName = keyof ClientEvents;

/** What is put in place of a listener's failure: the emitter never throws. */
type OnListenerFailure = (event: string, cause: unknown) => void;

/**
 * A typed emitter. Listeners run at once, in the order they were added; one that throws harms no other and is
 * reported as `error` with code LISTENER_FAILED.
 */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(payload: never) => void>>();
  readonly #onFailure: OnListenerFailure;

  constructor(onFailure: OnListenerFailure) {
    this.#onFailure = onFailure;
  }

  /** @returns removes the listener. */
  on<Name extends keyof Events>(
    name: Name,
    listener: (payload: Events[Name]) => void,
    signal?: AbortSignal,
  ): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // A fresh function, so that one listener added twice is called twice and removed one by one.
    const entry = (payload: Events[Name]): void => listener(payload);
    const remove = (): void => {
      listeners.delete(entry);
      signal?.removeEventListener("abort", remove);
    };
    if (signal?.aborted) return remove;
    listeners.add(entry);
    signal?.addEventListener("abort", remove, { once: true });
    return remove;
  }

  /** Resolves with the next payload that passes; rejects with the signal's reason. */
  next<Name extends keyof Events>(
    name: Name,
    accepts: (payload: Events[Name]) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<Events[Name]> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        remove();
        reject(signal?.reason);
      };
      const remove = this.on(name, (payload) => {
        if (!accepts(payload)) return;
        remove();
        signal?.removeEventListener("abort", onAbort);
        resolve(payload);
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of [...listeners]) {
      try {
        (listener as (payload: Events[Name]) => void)(payload);
      } catch (cause) {
        this.#onFailure(String(name), cause);
      }
    }
  }
}
