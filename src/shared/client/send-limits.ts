import type { Clock } from "./ports.ts";

interface Bucket {
  tokens: number;
  atMs: number;
}

interface ChatBucket extends Bucket {
  /** When the last sends went out, the oldest first; no more than a burst. */
  readonly sentAtMs: number[];
}

/** The server's limits of sends: 10/s per chat, no more than 20 in any second, and 30/s per user. */
const chatLimit = { perSecond: 10, burst: 20 };
const userLimit = { perSecond: 30, burst: 30 };
/** The server counts at its own end of the line: a little slower than allowed never meets its limit. */
const windowMs = 1050;
const chatsMax = 1000;

/** Token buckets that keep the client below what the server would refuse anyway. */
export class SendLimits {
  readonly #clock: Clock;
  readonly #user: Bucket;
  readonly #chats = new Map<string, ChatBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#user = { tokens: userLimit.burst, atMs: clock.monotonicMs() };
  }

  /** Takes one send of both buckets. @returns 0, or how long to wait, then nothing was taken */
  take(chatId: string): number {
    const nowMs = this.#clock.monotonicMs();
    const chat = this.#chats.get(chatId) ?? { tokens: chatLimit.burst, atMs: nowMs, sentAtMs: [] };
    const first = chat.sentAtMs.length < chatLimit.burst ? undefined : chat.sentAtMs[0];
    const waitMs = Math.max(
      fill(this.#user, userLimit, nowMs),
      fill(chat, chatLimit, nowMs),
      first === undefined ? 0 : first + windowMs - nowMs,
    );
    if (waitMs > 0) return waitMs;
    chat.sentAtMs.push(nowMs);
    if (chat.sentAtMs.length > chatLimit.burst) chat.sentAtMs.shift();
    this.#user.tokens--;
    chat.tokens--;
    this.#chats.delete(chatId);
    this.#chats.set(chatId, chat);
    // The one that was used longest ago is full again by now.
    if (this.#chats.size > chatsMax) this.#chats.delete(this.#chats.keys().next().value as string);
    return 0;
  }
}

function fill(
  bucket: Bucket,
  limit: { readonly perSecond: number; readonly burst: number },
  nowMs: number,
): number {
  const earned = ((nowMs - bucket.atMs) / 1000) * limit.perSecond;
  bucket.tokens = Math.min(limit.burst, bucket.tokens + earned);
  bucket.atMs = nowMs;
  return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) / limit.perSecond) * 1000);
}
