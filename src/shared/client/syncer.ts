/**
 * Fetches what a chat misses: one request in flight per chat, at most 5 in all and 5 per second, page by page
 * until the server has no more.
 */
import { errorCodeRule } from "../protocol/error-codes.ts";
import type { ErrorFrame, SyncRequestFrame, SyncResponseFrame } from "../protocol/frames.ts";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import { backoffMs } from "./backoff.ts";
import { readRetryAfterMs } from "./outbox.ts";
import type { Clock, Random, Timer } from "./ports.ts";

export interface SyncerHooks {
  /** May `sync_request` go out now? */
  ready(): boolean;
  /** @returns false when the connection did not take it */
  send(frame: SyncRequestFrame): boolean;
  newRequestId(): string;
  cursor(chatId: string): number;
  /** The highest sequence of the chat that is known to exist. */
  highestSeen(chatId: string): number;
  /** One page: everything above `after`, or its first part. @returns the chat's cursor */
  onPage(page: SyncPage): number;
  /** The chat is complete, or given up. */
  onDone(result: SyncResult): void;
  /** Not, or no longer, a member. */
  onRefused(chatId: string, code: string): void;
  onUnauthorized(): void;
  onGivenUp(chatId: string, code: string, message: string): void;
}

export interface SyncPage {
  readonly chatId: string;
  readonly after: number;
  readonly messages: SyncResponseFrame["payload"]["messages"];
  readonly hasMore: boolean;
  /** What was known to exist when the page was asked for. */
  readonly exists: number;
}

export interface SyncResult {
  readonly chatId: string;
  readonly from: number;
  readonly messages: number;
  readonly complete: boolean;
}

interface Job {
  readonly chatId: string;
  readonly from: number;
  after: number;
  exists: number;
  messages: number;
  phase: "queued" | "in_flight" | "waiting";
  requestId: string | undefined;
  timer: Timer | undefined;
  failures: number;
  internalErrors: number;
  /** Asked for again while the last question was on its way. */
  again: boolean;
}

const internalErrorAttemptsMax = 3;
/** The server counts in its own second: a little slower than allowed never meets its limit. */
const windowMs = 1050;
const rateLimitedPauseMs = 1000;

export class Syncer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #hooks: SyncerHooks;
  readonly #jobs = new Map<string, Job>();
  readonly #byRequest = new Map<string, Job>();
  /** When the last requests went out, the oldest first. */
  readonly #sentAtMs: number[] = [];
  #pumpTimer: Timer | undefined;

  constructor(clock: Clock, random: Random, hooks: SyncerHooks) {
    this.#clock = clock;
    this.#random = random;
    this.#hooks = hooks;
  }

  get active(): number {
    return this.#jobs.size;
  }

  isSyncing(chatId: string): boolean {
    return this.#jobs.has(chatId);
  }

  /** Starts, or makes sure that what exists by now will be asked for. */
  request(chatId: string): void {
    const running = this.#jobs.get(chatId);
    if (running !== undefined) {
      // The answer on its way may have been read before the reason of this request existed.
      if (running.phase === "in_flight") running.again = true;
      return;
    }
    const cursor = this.#hooks.cursor(chatId);
    this.#jobs.set(chatId, {
      chatId,
      from: cursor,
      after: cursor,
      exists: cursor,
      messages: 0,
      phase: "queued",
      requestId: undefined,
      timer: undefined,
      failures: 0,
      internalErrors: 0,
      again: false,
    });
    this.pump();
  }

  pump(): void {
    if (!this.#hooks.ready()) return;
    for (const job of this.#jobs.values()) {
      if (job.phase !== "queued") continue;
      if (this.#byRequest.size >= protocolLimits.syncsInFlightMax) return;
      if (!this.#withinRate() || !this.#transmit(job)) return;
    }
  }

  onResponse(frame: SyncResponseFrame): void {
    const job = this.#take(frame.request_id);
    // An answer that was given up: it was asked for again.
    if (job === undefined) return;
    const { messages, has_more, next_sequence } = frame.payload;
    if (!Array.isArray(messages)) {
      this.#wait(job, backoffMs(this.#random, job.failures++));
      throw new TypeError("an answer to a sync without messages");
    }
    job.messages += messages.length;
    job.failures = 0;
    job.internalErrors = 0;
    const { chatId, after, exists } = job;
    const last = messages.at(-1)?.sequence ?? after;
    // A page that says there is more but brings nothing would be asked for for ever.
    const hasMore = has_more && Math.max(last, (next_sequence ?? 0) - 1) > after;
    const cursor = this.#hooks.onPage({ chatId, after, messages, hasMore, exists });
    if (hasMore) {
      job.after = Math.max((next_sequence ?? last + 1) - 1, after);
      job.phase = "queued";
    } else if (job.again) {
      job.again = false;
      job.after = cursor;
      job.phase = "queued";
    } else {
      this.#finish(job, true);
    }
    this.pump();
  }

  /** @returns false when the frame answers no sync */
  onError(frame: ErrorFrame): boolean {
    const job = frame.request_id === undefined ? undefined : this.#take(frame.request_id);
    if (job === undefined) return false;
    const { code, message, details } = frame.payload;
    const retryAfterMs = readRetryAfterMs(details);
    switch (errorCodeRule(code).retry) {
      case "never":
        if (code === "NOT_A_MEMBER" || code === "FORBIDDEN" || code === "NOT_FOUND") {
          this.#hooks.onRefused(job.chatId, code);
        } else {
          this.#hooks.onGivenUp(job.chatId, code, message);
        }
        this.#finish(job, false);
        break;
      case "after_delay":
        this.#wait(job, retryAfterMs ?? rateLimitedPauseMs);
        break;
      case "after_refresh":
        this.#wait(job, backoffMs(this.#random, job.failures++));
        this.#hooks.onUnauthorized();
        break;
      case "backoff": {
        const transient =
          code === "SERVICE_UNAVAILABLE" || code === "SERVER_BUSY" || code === "SLOW_CONSUMER";
        if (!transient && ++job.internalErrors >= internalErrorAttemptsMax) {
          this.#hooks.onGivenUp(job.chatId, code, message);
          this.#finish(job, false);
        } else {
          this.#wait(job, (retryAfterMs ?? 0) + backoffMs(this.#random, job.failures++));
        }
        break;
      }
    }
    this.pump();
    return true;
  }

  /** The connection is gone: the next one starts from the stored cursors. */
  onDown(): void {
    for (const job of this.#jobs.values()) job.timer?.cancel();
    this.#jobs.clear();
    this.#byRequest.clear();
    this.#sentAtMs.length = 0;
    this.#pumpTimer?.cancel();
    this.#pumpTimer = undefined;
  }

  #transmit(job: Job): boolean {
    const requestId = this.#hooks.newRequestId();
    job.exists = Math.max(job.after, this.#hooks.highestSeen(job.chatId));
    const frame: SyncRequestFrame = {
      type: "sync_request",
      request_id: requestId,
      payload: {
        chat_id: job.chatId,
        last_acked_sequence: job.after,
        limit: protocolLimits.syncPageMax,
      },
    };
    if (!this.#hooks.send(frame)) return false;
    this.#sentAtMs.push(this.#clock.monotonicMs());
    job.phase = "in_flight";
    job.requestId = requestId;
    this.#byRequest.set(requestId, job);
    job.timer = this.#clock.setTimer(protocolLimits.answerTimeoutMs, () => {
      this.#take(requestId);
      this.#wait(job, backoffMs(this.#random, job.failures++));
      this.pump();
    });
    return true;
  }

  /** 5 per second; over it the pump comes back by itself. */
  #withinRate(): boolean {
    const nowMs = this.#clock.monotonicMs();
    while ((this.#sentAtMs[0] ?? nowMs) <= nowMs - windowMs) this.#sentAtMs.shift();
    if (this.#sentAtMs.length < protocolLimits.syncsPerSecond) return true;
    this.#pumpTimer ??= this.#clock.setTimer((this.#sentAtMs[0] ?? nowMs) + windowMs - nowMs, () => {
      this.#pumpTimer = undefined;
      this.pump();
    });
    return false;
  }

  #take(requestId: string): Job | undefined {
    const job = this.#byRequest.get(requestId);
    this.#byRequest.delete(requestId);
    job?.timer?.cancel();
    return job;
  }

  #wait(job: Job, delayMs: number): void {
    job.phase = "waiting";
    job.timer = this.#clock.setTimer(delayMs, () => {
      job.phase = "queued";
      this.pump();
    });
  }

  #finish(job: Job, complete: boolean): void {
    this.#jobs.delete(job.chatId);
    this.#hooks.onDone({ chatId: job.chatId, from: job.from, messages: job.messages, complete });
  }
}
