/**
 * Messages on their way to the server. Numbered phases of one message:
 * 1. stored locally with its id, before the first attempt;
 * 2. sent in its chat's order, each attempt under a new `request_id`, at most `inFlightPerChat` unanswered;
 * 3. answered: acknowledged, refused for good, or to be tried again; a lost connection or 10 s of silence leave
 *    the outcome unknown, and the same id makes the retry safe;
 * 4. deleted from storage, in the same batch that stores the message in its chat.
 */
import { errorCodeRule } from "../protocol/error-codes.ts";
import type {
  ErrorFrame,
  MessagePayload,
  SendMessageAckFrame,
  SendMessageFrame,
} from "../protocol/frames.ts";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import { backoffMs } from "./backoff.ts";
import type { OutgoingMessage, SendOptions } from "./chat-client.ts";
import { SendError } from "./client-errors.ts";
import type { DurableWriter } from "./durable-writer.ts";
import type { ClientEvents, SentMessage } from "./events.ts";
import type { Clock, Random, Timer } from "./ports.ts";
import { prepareContent } from "./prepare-content.ts";
import { SendLimits } from "./send-limits.ts";
import { type StorageChange, type StoredEntry, storageKeys } from "./storage.ts";
import { newUuid } from "./uuid.ts";

export interface OutboxParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly writer: DurableWriter;
  readonly messagesMax: number;
  readonly inFlightPerChat: number;
  readonly limitSends: boolean;
  readonly hooks: OutboxHooks;
}

export interface OutboxHooks {
  /** May `send_message` go out now? */
  ready(): boolean;
  /** @returns false when the connection did not take it */
  send(frame: SendMessageFrame): boolean;
  newRequestId(): string;
  userId(): string;
  onSent(event: ClientEvents["messageSent"]): void;
  /** Takes the message into its chat together with `done`, the change that ends its wait in the outbox. */
  onAcked(sent: SentMessage, done: StorageChange): void;
  onFailed(event: ClientEvents["sendFailed"]): void;
  /** The token was refused: a new one and a new connection are needed. */
  onUnauthorized(): void;
}

interface Entry {
  readonly order: number;
  readonly clientMessageId: string;
  readonly chatId: string;
  readonly content: string;
  readonly createdAtMs: number;
  phase: "storing" | "queued" | "in_flight" | "waiting";
  attempts: number;
  failures: number;
  internalErrors: number;
  readonly requestIds: string[];
  timer: Timer | undefined;
  readonly acked: Promise<SentMessage>;
  readonly resolve: (sent: SentMessage) => void;
  readonly reject: (error: unknown) => void;
}

interface StoredMessage {
  readonly clientMessageId: string;
  readonly chatId: string;
  readonly content: string;
  readonly createdAtMs: number;
}

const uuidPattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/;
/** The server remembers an id for 7 days; a retry after that would be a second message. */
const retryWindowMs = 6.5 * 24 * 3600 * 1000;
const internalErrorAttemptsMax = 3;
/** The server queues 100 requests of a connection; the rest is left to syncs. */
const inFlightMax = 80;
const rateLimitedPauseMs = 1000;

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #limits: SendLimits;
  readonly #entries = new Map<string, Entry>();
  /** In order; a chat without messages has no queue. */
  readonly #queues = new Map<string, Entry[]>();
  readonly #byRequest = new Map<string, Entry>();
  readonly #pauses = new Map<string, Timer>();
  #order = 0;
  #inFlight = 0;
  /** Somebody found no free place. */
  #crowded = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#limits = new SendLimits(parts.clock);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What waits, in order. */
  get waiting(): readonly OutgoingMessage[] {
    return [...this.#entries.values()];
  }

  /** Takes in what an earlier run has left in storage. */
  restore(stored: readonly StoredEntry[]): void {
    for (const { key, value } of stored) {
      const order = Number(key.slice(storageKeys.outboxPrefix.length));
      const entry = newEntry({ ...(JSON.parse(value) as StoredMessage), order, phase: "queued" });
      this.#order = Math.max(this.#order, order);
      this.#enqueue(entry);
    }
  }

  add(chatId: string, rawContent: string, options: SendOptions): OutgoingMessage {
    const { clock, random, writer, messagesMax } = this.#parts;
    const content = prepareContent(rawContent);
    const clientMessageId = options.clientMessageId ?? newUuid(random);
    if (!uuidPattern.test(clientMessageId)) {
      throw new SendError("INVALID_MESSAGE", `clientMessageId "${clientMessageId}" must be a UUID`);
    }
    const known = this.#entries.get(entryKey(chatId, clientMessageId));
    if (known !== undefined) return known;
    if (this.#entries.size >= messagesMax) {
      throw new SendError(
        "OUTBOX_FULL",
        `${this.#entries.size} messages wait to be sent, limit ${messagesMax}`,
      );
    }
    const order = ++this.#order;
    const message: StoredMessage = { clientMessageId, chatId, content, createdAtMs: clock.nowMs() };
    const entry = newEntry({ ...message, order, phase: "storing" });
    this.#enqueue(entry);
    this.#obeySignal(entry, options.signal);
    writer.put([{ key: storageKeys.outbox(order), value: JSON.stringify(message) }]).then(
      () => {
        if (entry.phase === "storing") entry.phase = "queued";
        this.pump(chatId);
      },
      (cause: unknown) => this.#fail(entry, new SendError("STORAGE_FAILED", String(cause))),
    );
    return entry;
  }

  /** Sends what may be sent, in every chat. */
  pumpAll(): void {
    for (const chatId of [...this.#queues.keys()]) this.pump(chatId);
  }

  pump(chatId: string): void {
    const { hooks, inFlightPerChat } = this.#parts;
    const queue = this.#queues.get(chatId);
    if (queue === undefined || !hooks.ready()) return;
    let unanswered = 0;
    for (const entry of [...queue]) {
      if (entry.phase === "in_flight") unanswered++;
      if (unanswered >= inFlightPerChat) return;
      // Whatever is not answered yet stays ahead of what follows it.
      if (entry.phase === "waiting" || entry.phase === "storing") return;
      if (entry.phase === "in_flight") continue;
      if (this.#expired(entry)) continue;
      if (this.#inFlight >= inFlightMax) {
        this.#crowded = true;
        return;
      }
      if (this.#pauses.has(chatId) || !this.#allowed(chatId)) return;
      if (!this.#transmit(entry)) return;
      unanswered++;
    }
  }

  onAck(frame: SendMessageAckFrame): void {
    const { payload } = frame;
    const entry =
      this.#byRequest.get(frame.request_id) ??
      this.#entries.get(entryKey(payload.chat_id, payload.client_message_id));
    // The answer to an attempt that was given up when a later one had been answered.
    if (entry === undefined) return;
    const message: MessagePayload = {
      message_id: payload.message_id,
      chat_id: payload.chat_id,
      sequence: payload.sequence,
      sender_id: this.#parts.hooks.userId(),
      content: entry.content,
      content_type: "text/plain",
      created_at: payload.created_at,
    };
    const sent: SentMessage = { clientMessageId: entry.clientMessageId, message };
    this.#remove(entry);
    this.#parts.hooks.onAcked(sent, { key: storageKeys.outbox(entry.order), value: undefined });
    entry.resolve(sent);
    this.#pumpAfter(entry.chatId);
  }

  /** @returns false when the frame answers no send */
  onError(frame: ErrorFrame): boolean {
    const entry = frame.request_id === undefined ? undefined : this.#byRequest.get(frame.request_id);
    if (entry === undefined) return false;
    const { code, message, details } = frame.payload;
    const current = entry.requestIds.at(-1) === frame.request_id && entry.phase === "in_flight";
    const retryAfterMs = readRetryAfterMs(details);
    switch (errorCodeRule(code).retry) {
      case "never":
        this.#fail(entry, new SendError(code, message, details));
        break;
      case "after_refresh":
        if (current) this.#wait(entry, backoffMs(this.#parts.random, entry.failures++));
        this.#parts.hooks.onUnauthorized();
        break;
      case "after_delay":
        if (current) this.#wait(entry, retryAfterMs ?? rateLimitedPauseMs);
        break;
      case "backoff": {
        const known = code === "SERVICE_UNAVAILABLE" || code === "SERVER_BUSY" || code === "SLOW_CONSUMER";
        if (!known && ++entry.internalErrors >= internalErrorAttemptsMax) {
          this.#fail(entry, new SendError(code, message, details));
        } else if (current) {
          this.#wait(entry, (retryAfterMs ?? 0) + backoffMs(this.#parts.random, entry.failures++));
        }
        break;
      }
    }
    this.#pumpAfter(entry.chatId);
    return true;
  }

  /** The connection is gone: what was in flight has an unknown outcome and will be sent again. */
  onDown(): void {
    for (const entry of this.#entries.values()) {
      entry.requestIds.length = 0;
      if (entry.phase !== "in_flight") continue;
      entry.timer?.cancel();
      entry.phase = "queued";
    }
    this.#inFlight = 0;
    this.#byRequest.clear();
    for (const pause of this.#pauses.values()) pause.cancel();
    this.#pauses.clear();
  }

  /** Takes everything back, in storage too. */
  clear(): void {
    for (const entry of [...this.#entries.values()]) {
      this.#fail(entry, new SendError("CANCELLED", "another user has logged in"));
    }
  }

  /** Stops without touching storage: the next start goes on. */
  close(): void {
    this.onDown();
    for (const entry of [...this.#entries.values()]) {
      entry.timer?.cancel();
      this.#remove(entry);
      entry.reject(
        new SendError("CLIENT_CLOSED", "the client was closed before the message was acknowledged"),
      );
    }
  }

  /** After an answer: whoever waited for a free place, else the chat's next message. */
  #pumpAfter(chatId: string): void {
    if (!this.#crowded) {
      this.pump(chatId);
      return;
    }
    this.#crowded = false;
    this.pumpAll();
  }

  #transmit(entry: Entry): boolean {
    const { clock, hooks } = this.#parts;
    const requestId = hooks.newRequestId();
    const frame: SendMessageFrame = {
      type: "send_message",
      request_id: requestId,
      payload: { client_message_id: entry.clientMessageId, chat_id: entry.chatId, content: entry.content },
    };
    if (!hooks.send(frame)) return false;
    entry.phase = "in_flight";
    entry.attempts++;
    entry.requestIds.push(requestId);
    this.#byRequest.set(requestId, entry);
    this.#inFlight++;
    entry.timer = clock.setTimer(protocolLimits.answerTimeoutMs, () => {
      this.#wait(entry, backoffMs(this.#parts.random, entry.failures++));
    });
    hooks.onSent({
      clientMessageId: entry.clientMessageId,
      chatId: entry.chatId,
      requestId,
      attempt: entry.attempts,
    });
    return true;
  }

  #wait(entry: Entry, delayMs: number): void {
    entry.timer?.cancel();
    if (entry.phase === "in_flight") this.#inFlight--;
    entry.phase = "waiting";
    entry.timer = this.#parts.clock.setTimer(delayMs, () => {
      entry.phase = "queued";
      this.pump(entry.chatId);
    });
  }

  #allowed(chatId: string): boolean {
    if (!this.#parts.limitSends) return true;
    const waitMs = this.#limits.take(chatId);
    if (waitMs === 0) return true;
    this.#pauses.set(
      chatId,
      this.#parts.clock.setTimer(waitMs, () => {
        this.#pauses.delete(chatId);
        this.pump(chatId);
      }),
    );
    return false;
  }

  #expired(entry: Entry): boolean {
    const ageMs = this.#parts.clock.nowMs() - entry.createdAtMs;
    if (ageMs < retryWindowMs) return false;
    this.#fail(
      entry,
      new SendError(
        "EXPIRED",
        `the message waited ${ageMs} ms, limit ${retryWindowMs}: a retry could double it`,
      ),
    );
    return true;
  }

  #fail(entry: Entry, error: SendError): void {
    if (!this.#remove(entry)) return;
    this.#parts.writer
      .put([{ key: storageKeys.outbox(entry.order), value: undefined }])
      .catch(() => undefined);
    this.#parts.hooks.onFailed({
      clientMessageId: entry.clientMessageId,
      chatId: entry.chatId,
      content: entry.content,
      error,
    });
    entry.reject(error);
  }

  #obeySignal(entry: Entry, signal: AbortSignal | undefined): void {
    if (signal === undefined) return;
    const onAbort = (): void => {
      entry.reject(signal.reason);
      if (entry.attempts === 0)
        this.#fail(entry, new SendError("CANCELLED", "taken back before it was sent"));
    };
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      const release = (): void => signal.removeEventListener("abort", onAbort);
      entry.acked.then(release, release);
    }
  }

  #enqueue(entry: Entry): void {
    this.#entries.set(entryKey(entry.chatId, entry.clientMessageId), entry);
    const queue = this.#queues.get(entry.chatId);
    if (queue === undefined) this.#queues.set(entry.chatId, [entry]);
    else queue.push(entry);
  }

  #remove(entry: Entry): boolean {
    if (!this.#entries.delete(entryKey(entry.chatId, entry.clientMessageId))) return false;
    entry.timer?.cancel();
    if (entry.phase === "in_flight") this.#inFlight--;
    for (const requestId of entry.requestIds) this.#byRequest.delete(requestId);
    const queue = this.#queues.get(entry.chatId)?.filter((other) => other !== entry) ?? [];
    if (queue.length === 0) this.#queues.delete(entry.chatId);
    else this.#queues.set(entry.chatId, queue);
    return true;
  }
}

function entryKey(chatId: string, clientMessageId: string): string {
  return `${chatId} ${clientMessageId.toLowerCase()}`;
}

function newEntry(
  message: StoredMessage & { readonly order: number; readonly phase: Entry["phase"] },
): Entry {
  const { promise, resolve, reject } = Promise.withResolvers<SentMessage>();
  // Nobody has to look at the outcome: failures are told as events, too.
  promise.catch(() => undefined);
  return {
    ...message,
    attempts: 0,
    failures: 0,
    internalErrors: 0,
    requestIds: [],
    timer: undefined,
    acked: promise,
    resolve,
    reject,
  };
}

export function readRetryAfterMs(details: Readonly<Record<string, unknown>> | undefined): number | undefined {
  const seconds = details?.["retry_after_seconds"];
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
