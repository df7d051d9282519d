/**
 * Port and memory adapter: members of chats, at most 300 s stale. It only speeds up who gets a push; nobody is
 * authorised by it.
 *
 * A member may be added while another worker fills the cache with the list from before. So an invalidation
 * also raises a generation, and a fill is stored only if the generation it read first is unchanged.
 */
import type { Clock } from "../shared/domain/clock.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";

export interface CachedMembers {
  readonly userIds: readonly UserId[] | undefined;
  /** Pass it to `fill`. */
  readonly generation: number;
}

export interface MemberCache {
  get(chatId: ChatId): Promise<CachedMembers>;
  /** Stores the list unless the chat was invalidated since `generation`; an empty list is not stored. */
  fill(chatId: ChatId, userIds: readonly UserId[], generation: number): Promise<void>;
  invalidate(chatId: ChatId): Promise<void>;
}

interface Entry {
  readonly userIds: readonly UserId[];
  readonly expiresAtMs: number;
}

/** Bounded: the entry filled longest ago goes first. */
export class MemoryMemberCache implements MemberCache {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #chatsMax: number;
  readonly #ttlMs: number;
  readonly #entries = new Map<ChatId, Entry>();
  /** One counter for all chats: an invalidation anywhere at worst wastes a fill. */
  #generation = 0;

  constructor(clock: Pick<Clock, "monotonicMs">, chatsMax = 50_000, ttlMs = 300_000) {
    this.#clock = clock;
    this.#chatsMax = chatsMax;
    this.#ttlMs = ttlMs;
  }

  async get(chatId: ChatId): Promise<CachedMembers> {
    const entry = this.#entries.get(chatId);
    if (entry !== undefined && entry.expiresAtMs <= this.#clock.monotonicMs()) {
      this.#entries.delete(chatId);
      return { userIds: undefined, generation: this.#generation };
    }
    return { userIds: entry?.userIds, generation: this.#generation };
  }

  async fill(chatId: ChatId, userIds: readonly UserId[], generation: number): Promise<void> {
    if (userIds.length === 0 || generation !== this.#generation) return;
    this.#entries.delete(chatId);
    this.#entries.set(chatId, { userIds, expiresAtMs: this.#clock.monotonicMs() + this.#ttlMs });
    if (this.#entries.size > this.#chatsMax) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
  }

  async invalidate(chatId: ChatId): Promise<void> {
    this.#generation++;
    this.#entries.delete(chatId);
  }
}
