/**
 * Writes the history of a run of reference clients: every frame of both directions as it was on the wire, and
 * what each client told its application. One recorder, one clock, many clients.
 */
import type { ChatClient } from "../../src/shared/client/chat-client.ts";
import type { FrameTap } from "../../src/shared/client/ports.ts";
import type { MessagePayload } from "../../src/shared/protocol/frames.ts";
import { FrameRecorder, observedMessage } from "./frame-recorder.ts";
import type { HistoryEvent } from "./history.ts";

export interface RecorderOptions {
  readonly write: (event: HistoryEvent) => void;
  /** One clock for the whole history; monotonic is best. */
  readonly nowMs: () => number;
}

/** The recording of one client installation. Hand `onFrame` to the client's options, then `attach` the client. */
export interface ClientRecording {
  readonly onFrame: FrameTap;
  attach(client: ChatClient): void;
  /** The installation is gone for good: it is not expected to catch up. */
  stopped(): void;
}

/** What a page of REST history was asked for; the defaults are the server's. */
export interface HistoryBounds {
  readonly direction: "forward" | "backward";
  readonly after: number | null;
  readonly before: number | null;
}

interface HistoryPage {
  readonly data: readonly MessagePayload[];
  readonly pagination: { readonly has_more: boolean };
}

export class Recorder {
  readonly #write: (event: HistoryEvent) => void;
  readonly #nowMs: () => number;

  constructor({ write, nowMs }: RecorderOptions) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  /** @param cursors what the installation holds already, chat -> sequence */
  client(name: string, userId: string, cursors: Readonly<Record<string, number>>): ClientRecording {
    const frames = new FrameRecorder(name, this.#write, this.#nowMs);
    this.#write({
      kind: "client_started",
      atMs: this.#nowMs(),
      client: name,
      userId,
      cursors,
      deliversInOrder: true,
    });
    return {
      onFrame: (direction, text) => frames.onFrame(direction, text),
      attach: (client) => {
        client.on("stateChanged", ({ to }) => {
          if (to === "Disconnected") frames.onDisconnected();
        });
        client.on("timelineAdvanced", ({ chatId, messages }) => {
          for (const message of messages) {
            const about = { atMs: this.#nowMs(), client: name, chatId };
            this.#write({ kind: "timeline_delivered", ...about, message: observedMessage(message) });
          }
        });
      },
      stopped: () => {
        frames.onDisconnected();
        this.#write({ kind: "client_stopped", atMs: this.#nowMs(), client: name });
      },
    };
  }

  /** Runs a REST read and records it. */
  async historyRead<P extends HistoryPage>(
    userId: string,
    chatId: string,
    bounds: HistoryBounds,
    read: () => Promise<P>,
  ): Promise<P> {
    const startedAtMs = this.#nowMs();
    const page = await read();
    this.#write({
      kind: "history_read",
      atMs: this.#nowMs(),
      startedAtMs,
      userId,
      chatId,
      ...bounds,
      messages: page.data.map(observedMessage),
      hasMore: page.pagination.has_more,
    });
    return page;
  }

  /** Runs a read of delivery states and records each. */
  async watermarkReads<S extends { readonly chat_id: string; readonly last_acked_sequence: number }>(
    userId: string,
    read: () => Promise<readonly S[]>,
  ): Promise<readonly S[]> {
    const startedAtMs = this.#nowMs();
    const states = await read();
    for (const { chat_id: chatId, last_acked_sequence: lastAckedSequence } of states) {
      const atMs = this.#nowMs();
      this.#write({ kind: "watermark_read", atMs, startedAtMs, userId, chatId, lastAckedSequence });
    }
    return states;
  }

  /** Runs a change of membership and records it if it succeeds. */
  async membershipChange<T>(
    chatId: string,
    userId: string,
    change: "joined" | "left",
    apply: () => Promise<T>,
  ): Promise<T> {
    const startedAtMs = this.#nowMs();
    const result = await apply();
    this.#write({ kind: "membership_changed", atMs: this.#nowMs(), startedAtMs, chatId, userId, change });
    return result;
  }

  /** Messages of the chat up to here were stored before the recording. */
  chatBaseline(chatId: string, sequence: number): void {
    this.#write({ kind: "chat_baseline", atMs: this.#nowMs(), chatId, sequence });
  }

  processKilled(instance: string): void {
    this.#write({ kind: "process_killed", atMs: this.#nowMs(), instance });
  }

  processStarted(instance: string): void {
    this.#write({ kind: "process_started", atMs: this.#nowMs(), instance });
  }

  /** Everything is answered and everybody has caught up. */
  settled(): void {
    this.#write({ kind: "settled", atMs: this.#nowMs() });
  }
}
