/**
 * Everything that brings messages in (pushes, sync pages, own acknowledged sends) meets here: merged by
 * sequence, told to the user, stored, and followed by a sync where something is missing.
 */
import type { MessagePayload } from "../protocol/frames.ts";
import type { ChatBook } from "./chat-book.ts";
import type { ClientEvents, Emitter } from "./events.ts";
import type { ChatDetail } from "./rest-types.ts";
import type { StorageChange } from "./storage.ts";
import type { SyncPage } from "./syncer.ts";
import type { TimelineChange } from "./timeline.ts";

export interface InboxParts {
  readonly book: ChatBook;
  readonly events: Emitter<ClientEvents>;
  readonly startFrom: "beginning" | "watermark";
  /** True while catching up after a connect: pushes wait for their chat's pages. */
  buffering(): boolean;
  isSyncing(chatId: string): boolean;
  requestSync(chatId: string): void;
  /** Rejects when the chat cannot be read now. */
  getChat(chatId: string): Promise<ChatDetail>;
  userId(): string | undefined;
  onMessage(message: MessagePayload): void;
}

/** Pushes of one chat that wait; beyond, they are left to a sync. */
const bufferedPerChatMax = 1000;
const bufferedMax = 20_000;

export class Inbox {
  readonly #parts: InboxParts;
  readonly #buffers = new Map<string, MessagePayload[]>();
  #buffered = 0;
  /** Chats heard of for the first time, whose description is on its way. */
  readonly #described = new Set<string>();

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  onPush(message: MessagePayload): void {
    const chat = this.#parts.book.get(message.chat_id);
    if (chat === undefined) this.#describe(message.chat_id, message.sequence);
    if (this.#parts.buffering() || this.#parts.book.get(message.chat_id) === undefined) {
      this.#buffer(message);
      return;
    }
    this.#merge(message.chat_id, [message], "push");
  }

  /** An own message that the server has made durable; `done` ends its wait in the outbox. */
  onOwn(message: MessagePayload, done: StorageChange): void {
    const { chat_id: chatId } = message;
    if (this.#parts.book.get(chatId) === undefined) this.#describe(chatId, message.sequence);
    const chat = this.#parts.book.open(chatId, this.#start(message.sequence));
    chat.active = true;
    const change = chat.timeline.insert([message]);
    this.#parts.book.persist(chat.timeline, change, [done]);
    this.#tell(chatId, change, undefined);
  }

  /** @returns the chat's cursor */
  onPage(page: SyncPage): number {
    const { chatId } = page;
    const chat = this.#parts.book.open(chatId, page.after);
    const messages = page.messages.map((message) => ({ ...message, chat_id: chatId }));
    const change = chat.timeline.insertPage(page.after, messages, page.hasMore, page.exists);
    this.#parts.book.persist(chat.timeline, change, []);
    if (change.missing > 0) {
      this.#parts.events.emit("error", {
        code: "SERVER_HOLE",
        message: `${chatId}: the answer to a sync from ${page.after} lacks ${change.missing} messages`,
        cause: undefined,
      });
    }
    this.#tell(chatId, change, "sync");
    return chat.timeline.cursor;
  }

  /** The chat is complete: what was pushed meanwhile takes its place. */
  release(chatId: string): void {
    const messages = this.#buffers.get(chatId) ?? [];
    this.#buffers.delete(chatId);
    this.#buffered -= messages.length;
    const chat = this.#parts.book.get(chatId);
    if (chat === undefined) return;
    if (messages.length > 0) this.#merge(chatId, messages, "push");
    // What was turned away for want of room.
    if (chat.timeline.highestSeen > chat.timeline.cursor) this.#requestSync(chatId);
  }

  releaseAll(): void {
    for (const chatId of [...this.#buffers.keys()]) {
      if (!this.#parts.isSyncing(chatId)) this.release(chatId);
    }
  }

  onDown(): void {
    this.#buffers.clear();
    this.#buffered = 0;
  }

  #merge(chatId: string, messages: readonly MessagePayload[], source: "push"): void {
    const chat = this.#parts.book.get(chatId);
    if (chat === undefined) return;
    chat.active = true;
    const change = chat.timeline.insert(messages);
    this.#parts.book.persist(chat.timeline, change, []);
    this.#tell(chatId, change, source);
  }

  #tell(chatId: string, change: TimelineChange, source: "push" | "sync" | undefined): void {
    const { events, book } = this.#parts;
    for (const message of change.added) {
      this.#parts.onMessage(message);
      if (source !== undefined) events.emit("messageReceived", { message, source });
    }
    const cursor = book.get(chatId)?.timeline.cursor ?? 0;
    if (change.advanced.length > 0) {
      events.emit("timelineAdvanced", {
        chatId,
        messages: change.advanced,
        cursor: (change.advanced.at(-1) as MessagePayload).sequence,
      });
    }
    if (change.holeBefore === undefined || source === "sync") return;
    if (!this.#parts.isSyncing(chatId)) {
      events.emit("holeDetected", { chatId, cursor, sequence: change.holeBefore });
    }
    this.#requestSync(chatId);
  }

  #requestSync(chatId: string): void {
    this.#parts.requestSync(chatId);
  }

  #buffer(message: MessagePayload): void {
    const { chat_id: chatId, sequence } = message;
    const buffer = this.#buffers.get(chatId) ?? [];
    this.#buffers.set(chatId, buffer);
    if (buffer.length >= bufferedPerChatMax || this.#buffered >= bufferedMax) {
      this.#parts.book.get(chatId)?.timeline.noteExists(sequence);
      return;
    }
    buffer.push(message);
    this.#buffered++;
  }

  /** A chat that this installation has never seen: opens it and asks what it is. */
  #describe(chatId: string, sequence: number): void {
    if (this.#described.has(chatId)) return;
    this.#described.add(chatId);
    const { book, events, startFrom } = this.#parts;
    if (startFrom === "beginning") book.open(chatId, 0);
    const opened = (cursor: number): void => {
      book.open(chatId, cursor);
      if (!this.#parts.buffering()) this.release(chatId);
    };
    this.#parts
      .getChat(chatId)
      .then(
        (chat) => {
          opened(startFrom === "beginning" ? 0 : chat.my_membership.last_acked_sequence);
          events.emit("chatUpdated", { chat });
        },
        () => opened(this.#start(sequence)),
      )
      .finally(() => this.#described.delete(chatId));
  }

  #start(sequence: number): number {
    return this.#parts.startFrom === "beginning" ? 0 : sequence - 1;
  }
}
