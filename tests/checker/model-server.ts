/** A correct server in a few lines, for histories that are known to be clean. Commits at once, answers later. */
import type { FinalMessage, FinalStore } from "./final-store.ts";
import type { ObservedMessage } from "./history.ts";

export type SendOutcome =
  | { readonly kind: "stored" | "duplicate"; readonly message: FinalMessage }
  | { readonly kind: "refused"; readonly code: string };

export class ModelServer {
  readonly #chats = new Map<string, FinalMessage[]>();
  readonly #members = new Map<string, Set<string>>();
  readonly #watermarks = new Map<string, { userId: string; chatId: string; lastAckedSequence: number }>();
  #messageCount = 0;

  createChat(chatId: string, members: readonly string[]): void {
    this.#chats.set(chatId, []);
    this.#members.set(chatId, new Set(members));
  }

  get chatIds(): readonly string[] {
    return [...this.#chats.keys()];
  }

  membersOf(chatId: string): ReadonlySet<string> {
    return this.#members.get(chatId) ?? new Set();
  }

  chatsOf(userId: string): readonly string[] {
    return this.chatIds.filter((chatId) => this.membersOf(chatId).has(userId));
  }

  join(chatId: string, userId: string): void {
    this.#members.get(chatId)?.add(userId);
  }

  leave(chatId: string, userId: string): void {
    this.#members.get(chatId)?.delete(userId);
  }

  send(chatId: string, userId: string, clientMessageId: string, content: string, nowMs: number): SendOutcome {
    const messages = this.#chats.get(chatId);
    const original = messages?.find((message) => message.clientMessageId === clientMessageId);
    if (original !== undefined) return { kind: "duplicate", message: original };
    if (messages === undefined || !this.membersOf(chatId).has(userId)) {
      return { kind: "refused", code: "NOT_A_MEMBER" };
    }
    if (content === "") return { kind: "refused", code: "INVALID_MESSAGE" };
    this.#messageCount += 1;
    const message = {
      chatId,
      sequence: messages.length + 1,
      messageId: `msg_${String(this.#messageCount).padStart(26, "0")}`,
      clientMessageId,
      senderId: userId,
      content,
      createdAt: new Date(1_769_853_600_000 + Math.floor(nowMs)).toISOString(),
    };
    messages.push(message);
    return { kind: "stored", message };
  }

  /** Ascending messages strictly between the bounds. */
  read(chatId: string, after: number, before: number): readonly FinalMessage[] {
    return (this.#chats.get(chatId) ?? []).slice(after, before - 1);
  }

  acknowledge(userId: string, chatId: string, sequence: number): void {
    const lastAckedSequence = Math.max(sequence, this.watermark(userId, chatId));
    if (sequence > (this.#chats.get(chatId)?.length ?? 0)) return;
    this.#watermarks.set(`${userId} ${chatId}`, { userId, chatId, lastAckedSequence });
  }

  watermark(userId: string, chatId: string): number {
    return this.#watermarks.get(`${userId} ${chatId}`)?.lastAckedSequence ?? 0;
  }

  finalStore(): FinalStore {
    const messages = [...this.#chats.values()].flat();
    return {
      messages,
      counters: [...this.#chats].map(([chatId, { length }]) => ({
        chatId,
        sequence: length,
        publishedSequence: length,
      })),
      idempotencyKeys: messages.map(({ chatId, clientMessageId, messageId, sequence }) => ({
        chatId,
        clientMessageId: clientMessageId ?? "",
        messageId,
        sequence,
      })),
      watermarks: [...this.#watermarks.values()],
      memberships: [...this.#members].flatMap(([chatId, users]) =>
        [...users].map((userId) => ({ chatId, userId })),
      ),
    };
  }
}

export function observed({
  messageId,
  sequence,
  senderId,
  content,
  createdAt,
}: FinalMessage): ObservedMessage {
  return { messageId, sequence, senderId, content, createdAt };
}
