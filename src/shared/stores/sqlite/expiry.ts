/** Removes what has outlived its use, in the background and in small slices, so that no send waits for it. */
import { type Clock, sleep } from "../../domain/clock.ts";
import { limits } from "../../domain/limits.ts";
import type { SqliteEventLog } from "../event-log.sqlite.ts";
import { type Topic, topics } from "../event-log.ts";
import type { MessageStore } from "../message-store.ts";
import type { OtpStore } from "../otp-store.ts";
import type { RestIdempotencyStore } from "../rest-idempotency-store.ts";
import type { Revocation } from "../revocation.ts";
import type { SessionStore } from "../session-store.ts";

/** One kind of thing that expires. */
export interface ExpiryTask {
  readonly name: string;
  /** Removes up to `limit`; @returns how many, fewer than `limit` when it is done for now. */
  readonly expire: (nowMs: number, limit: number) => Promise<number>;
}

export interface ExpiryStores {
  readonly messages: Pick<MessageStore, "expireKeys">;
  readonly eventLog: Pick<SqliteEventLog, "expire">;
  readonly otps: Pick<OtpStore, "expire">;
  readonly sessions: Pick<SessionStore, "expire">;
  readonly restIdempotency: Pick<RestIdempotencyStore, "expire">;
  readonly revocation: Pick<Revocation, "expire">;
}

export function expiryTasks(stores: ExpiryStores): readonly ExpiryTask[] {
  return [
    {
      name: "idempotency_keys",
      expire: (nowMs, limit) => stores.messages.expireKeys(nowMs - limits.idempotencyWindowMs, limit),
    },
    { name: "otp_requests", expire: (nowMs, limit) => stores.otps.expire(nowMs, limit) },
    { name: "sessions", expire: (nowMs, limit) => stores.sessions.expire(nowMs, limit) },
    {
      name: "rest_idempotency_keys",
      expire: (nowMs, limit) => stores.restIdempotency.expire(nowMs - limits.restIdempotencyWindowMs, limit),
    },
    { name: "revoked_tokens", expire: (nowMs, limit) => stores.revocation.expire(nowMs, limit) },
    ...(Object.keys(topics) as Topic[]).map((topic) => ({
      name: `log ${topic}`,
      expire: (nowMs: number, limit: number) => stores.eventLog.expire(topic, nowMs, limit),
    })),
  ];
}

export interface ExpiryOptions {
  readonly clock: Clock;
  readonly tasks: readonly ExpiryTask[];
  /** Between the end of a round and the next. */
  readonly everyMs: number;
  readonly sliceRows: number;
  /** Between two slices. */
  readonly pauseMs: number;
  readonly onExpired: (task: string, count: number) => void;
  /** A failed task is tried again in the next round. */
  readonly onFailed: (task: string, error: unknown) => void;
}

export const defaultExpiryPace = { everyMs: 5 * 60_000, sliceRows: 500, pauseMs: 50 } as const;

/** The first round starts after `everyMs`. `stop` resolves when the slice under way is done. */
export function startExpiry(options: ExpiryOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const ended = run(options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function run(options: ExpiryOptions, signal: AbortSignal): Promise<void> {
  while (await pause(options.clock, options.everyMs, signal)) {
    for (const task of options.tasks) await drain(task, options, signal);
  }
}

/** Slice after slice of one task, until nothing is left, it fails, or the end comes. */
async function drain(task: ExpiryTask, options: ExpiryOptions, signal: AbortSignal): Promise<void> {
  const { clock, sliceRows, pauseMs } = options;
  let total = 0;
  try {
    while (!signal.aborted) {
      const count = await task.expire(clock.nowMs(), sliceRows);
      total += count;
      if (count < sliceRows || !(await pause(clock, pauseMs, signal))) break;
    }
  } catch (thrown) {
    options.onFailed(task.name, thrown);
  }
  if (total > 0) options.onExpired(task.name, total);
}

/** @returns false when the end came first */
async function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(clock, delayMs, signal);
    return true;
  } catch {
    return false;
  }
}
