/** The chats of this installation: their timelines, where each begins, and their rows in local storage. */
import type { MessagePayload } from "../protocol/frames.ts";
import type { DurableWriter } from "./durable-writer.ts";
import { type ClientStorage, type StorageChange, storageKeys } from "./storage.ts";
import { Timeline, type TimelineChange } from "./timeline.ts";

export interface Chat {
  readonly timeline: Timeline;
  /** False once the server said that the user is no member; anything new of the chat makes it active again. */
  active: boolean;
}

interface StoredChat {
  readonly cursor: number;
}

const storedChatsMax = 100_000;

export class ChatBook {
  readonly #storage: ClientStorage;
  readonly #writer: DurableWriter;
  readonly #messagesMax: number;
  readonly #onDurable: (chatId: string, cursor: number, messages: number) => void;
  readonly #chats = new Map<string, Chat>();

  constructor(
    storage: ClientStorage,
    writer: DurableWriter,
    messagesMax: number,
    onDurable: (chatId: string, cursor: number, messages: number) => void,
  ) {
    this.#storage = storage;
    this.#writer = writer;
    this.#messagesMax = messagesMax;
    this.#onDurable = onDurable;
  }

  /** Reads the stored cursors. @returns them */
  async load(): Promise<ReadonlyMap<string, number>> {
    const cursors = new Map<string, number>();
    const stored = await this.#storage.list(storageKeys.chatPrefix, {
      before: undefined,
      limit: storedChatsMax,
      reverse: false,
    });
    for (const { key, value } of stored) {
      const chatId = key.slice(storageKeys.chatPrefix.length);
      const { cursor } = JSON.parse(value) as StoredChat;
      this.#chats.set(chatId, { timeline: new Timeline(chatId, cursor, this.#messagesMax), active: true });
      cursors.set(chatId, cursor);
    }
    return cursors;
  }

  get(chatId: string): Chat | undefined {
    return this.#chats.get(chatId);
  }

  get activeIds(): readonly string[] {
    return [...this.#chats].filter(([, chat]) => chat.active).map(([chatId]) => chatId);
  }

  /** @param cursor where a chat that is not known yet begins */
  open(chatId: string, cursor: number): Chat {
    const known = this.#chats.get(chatId);
    if (known !== undefined) return known;
    const chat: Chat = { timeline: new Timeline(chatId, cursor, this.#messagesMax), active: true };
    this.#chats.set(chatId, chat);
    return chat;
  }

  /**
   * Stores what a merge changed, in one batch with `also`; rows beyond the kept number are deleted. The cursor
   * is told to `onDurable` when all of it is durable.
   */
  persist(timeline: Timeline, change: TimelineChange, also: readonly StorageChange[]): void {
    const { chatId, cursor } = timeline;
    const changes: StorageChange[] = [...also];
    for (const message of change.added) {
      if (message.sequence <= cursor - this.#messagesMax) continue;
      changes.push({ key: storageKeys.message(chatId, message.sequence), value: JSON.stringify(message) });
    }
    if (change.advanced.length > 0 || change.missing > 0) {
      const row: StoredChat = { cursor };
      changes.push({ key: storageKeys.chat(chatId), value: JSON.stringify(row) });
      // Sequences are dense, so the rows that fall out of the kept range can be named without being read.
      for (const { sequence } of change.advanced) {
        const outdated = sequence - this.#messagesMax;
        if (outdated > 0) changes.push({ key: storageKeys.message(chatId, outdated), value: undefined });
      }
    }
    if (changes.length === 0) return;
    const messages = change.added.length;
    this.#writer.put(changes).then(
      () => this.#onDurable(chatId, cursor, messages),
      // Only when the client is closing: what is not stored is not acknowledged.
      () => undefined,
    );
  }

  /** Messages below `before` (default: all), the newest `limit` of them, ascending; no further than the cursor. */
  async messages(
    chatId: string,
    before: number | undefined,
    limit: number,
  ): Promise<readonly MessagePayload[]> {
    const cursor = this.#chats.get(chatId)?.timeline.cursor ?? 0;
    const end = Math.min(before ?? cursor + 1, cursor + 1);
    const rows = await this.#storage.list(storageKeys.messagePrefix(chatId), {
      before: storageKeys.message(chatId, end),
      limit,
      reverse: true,
    });
    return rows.map((row) => JSON.parse(row.value) as MessagePayload).reverse();
  }

  clear(): void {
    this.#chats.clear();
  }
}
