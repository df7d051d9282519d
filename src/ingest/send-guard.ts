/**
 * Abuse controls between authorisation and the writer: the daily budget of recipient deliveries (L20), repeated
 * texts, which halve the sender's rate (L14) for a while, and texts that are merely noted. A refused send takes no
 * sequence and leaves nothing. Everything here fails open: ordering and authorisation never depend on it.
 */
import { createHash } from "node:crypto";
import type { Audit, AuditEvent } from "../shared/auth/audit.ts";
import type { Clock } from "../shared/domain/clock.ts";
import type { ChatId, ConnectionId, UserId } from "../shared/domain/ids.ts";
import type { Logger } from "../shared/runtime/logger.ts";
import type { Chat, ChatStore } from "../shared/stores/chat-store.ts";
import type { Bucket, RateLimiter } from "../shared/stores/rate-limiter.ts";
import { contentSignals } from "./content-signals.ts";

export interface SendGuardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limiter: Pick<RateLimiter, "take" | "flag" | "setFlag">;
  readonly chats: Pick<ChatStore, "getChats">;
  readonly audit: Audit;
  readonly settings: SendGuardSettings;
}

export interface SendGuardSettings {
  /** Recipients that one user's messages may have in a UTC day. */
  readonly fanoutBudgetPerDay: number;
  /** Sends per second and burst of a user in one chat, of which half remains after repetitions. */
  readonly sendsPerSecond: number;
  readonly sendsBurst: number;
}

export interface GuardedSend {
  readonly chatId: ChatId;
  readonly senderId: UserId;
  readonly connectionId: ConnectionId | undefined;
  /** As it would be stored. */
  readonly content: string;
}

/** Whole seconds until the send may be repeated, at least 1; undefined: it may go on. */
export type GuardVerdict = number | undefined;

const dayMs = 24 * 3600 * 1000;
/** The third message with the same text within this time is a repetition. */
const repeatWindowMs = 60_000;
const sameTextMax = 2;
const slowedMs = 5 * 60_000;
/** A member count this old is asked for again; it only weighs the budget. */
const costFreshMs = 60_000;
const costsMax = 50_000;
const warnEveryMs = 1000;

interface Cost {
  readonly recipients: number;
  readonly readAtMs: number;
}

export class SendGuard {
  readonly #options: SendGuardOptions;
  /** Oldest reading first. */
  readonly #costs = new Map<ChatId, Cost>();
  #previous: Promise<unknown> = Promise.resolve();
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SendGuardOptions) {
    this.#options = options;
  }

  /**
   * Reads what is not known yet about the chats' sizes, to be waited for beside the other reads of a send.
   * Never rejects. @returns what `admit` takes along
   */
  async readSizes(chatIds: readonly ChatId[]): Promise<readonly Chat[]> {
    const nowMs = this.#options.clock.monotonicMs();
    const unknown = new Set<ChatId>();
    for (const chatId of chatIds) {
      const known = this.#costs.get(chatId);
      if (known === undefined || nowMs - known.readAtMs >= costFreshMs) unknown.add(chatId);
    }
    if (unknown.size === 0) return [];
    try {
      const chats = await this.#options.chats.getChats([...unknown]);
      return chats.filter((chat) => chat !== undefined);
    } catch (error) {
      this.#warn(error);
      return [];
    }
  }

  /** Calls are answered in the order they were made: sends keep theirs. Never rejects. */
  admit(sends: readonly GuardedSend[], sizes: readonly Chat[]): Promise<readonly GuardVerdict[]> {
    for (const chat of sizes) this.#learn(chat);
    const previous = this.#previous;
    const verdicts = (async () => {
      const decided = await Promise.all(sends.map((send) => this.#decide(send)));
      await previous;
      return decided;
    })();
    this.#previous = verdicts;
    return verdicts;
  }

  async #decide(send: GuardedSend): Promise<GuardVerdict> {
    for (const signal of contentSignals(send.content)) {
      if (signal === "many_urls") this.#note(send, "abuse.spam_detected", signal);
      else this.#note(send, "abuse.flooding_detected", signal);
    }
    try {
      const slowed = await this.#isSlowed(send);
      const slowBucket = slowed ? [this.#slowBucket(send)] : [];
      const rate = slowed ? await this.#options.limiter.take(slowBucket, 1) : undefined;
      if (rate?.allowed === false) {
        this.#note(send, "access.rate_limited", "sends_after_repetitions");
        return wholeSeconds(rate.retryAfterMs);
      }
      return await this.#spend(send);
    } catch (error) {
      this.#warn(error);
      return undefined;
    }
  }

  async #isSlowed(send: GuardedSend): Promise<boolean> {
    const { limiter } = this.#options;
    const flag = `msg_rate_slowed:user:${send.senderId}`;
    const [leftMs, same] = await Promise.all([limiter.flag(flag), limiter.take([sameTextBucket(send)], 1)]);
    if (same.allowed) return leftMs !== undefined;
    if (leftMs === undefined) this.#note(send, "abuse.spam_detected", "repeated_text");
    await limiter.setFlag(flag, slowedMs);
    return true;
  }

  async #spend(send: GuardedSend): Promise<GuardVerdict> {
    const { clock, limiter, settings } = this.#options;
    const nowMs = clock.nowMs();
    const bucket: Bucket = {
      kind: "fixed_window",
      key: `fanout_budget:user:${send.senderId}:day:${new Date(nowMs).toISOString().slice(0, 10)}`,
      limit: settings.fanoutBudgetPerDay,
      // The window starts with the first message of the day and has to end with the day.
      windowMs: dayMs - (nowMs % dayMs),
    };
    const decision = await limiter.take([bucket], this.#costs.get(send.chatId)?.recipients ?? 1);
    if (decision.allowed) return undefined;
    this.#note(send, "access.rate_limited", "fanout_budget");
    return wholeSeconds(decision.retryAfterMs);
  }

  /** Half of L14 and of its burst. */
  #slowBucket({ chatId, senderId }: GuardedSend): Bucket {
    const { sendsPerSecond, sendsBurst } = this.#options.settings;
    return {
      kind: "token_bucket",
      key: `msg_rate_slowed:chat:${chatId}:user:${senderId}`,
      capacity: Math.max(1, Math.floor(sendsBurst / 2)),
      perSecond: sendsPerSecond / 2,
    };
  }

  #learn(chat: Chat): void {
    this.#costs.delete(chat.chatId);
    const recipients = chat.type === "direct" ? 1 : Math.max(1, chat.memberCount);
    this.#costs.set(chat.chatId, { recipients, readAtMs: this.#options.clock.monotonicMs() });
    if (this.#costs.size <= costsMax) return;
    const [oldest] = this.#costs.keys();
    if (oldest !== undefined) this.#costs.delete(oldest);
  }

  #note(send: GuardedSend, type: AuditEvent["type"], reason: string): void {
    this.#options.audit.record({
      type,
      outcome: type === "access.rate_limited" ? "denied" : "success",
      reason,
      actor: { type: "user", userId: send.senderId, ipAddress: null, userAgent: null, deviceId: null },
      target: { type: "chat", resourceId: send.chatId },
      sessionId: null,
      requestId: null,
      traceId: null,
      details: { connection_id: send.connectionId ?? null, content_length: send.content.length },
    });
  }

  #warn(error: unknown): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#warnedAtMs < warnEveryMs) return;
    this.#warnedAtMs = nowMs;
    this.#options.logger.warn("rate_limit_check_failed", { limit: "fanout", error });
  }
}

function sameTextBucket({ senderId, content }: GuardedSend): Bucket {
  const hash = createHash("sha256").update(content, "utf8").digest("base64url");
  return {
    kind: "sliding_log",
    key: `dup:${senderId}:${hash}`,
    limit: sameTextMax,
    windowMs: repeatWindowMs,
  };
}

function wholeSeconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000));
}
