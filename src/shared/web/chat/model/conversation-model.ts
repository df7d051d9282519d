/** The open chat: its messages, older ones on demand, sending, typing. */
import type { ClientEvents } from "../../../client/events.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";
import { protocolLimits } from "../../../protocol/protocol-limits.ts";
import { withEntry } from "./app-state.ts";
import type { ChatListModel } from "./chat-list-model.ts";
import {
  type Conversation,
  emptyConversation,
  newestSequence,
  type Outgoing,
  trimmed,
  withAcked,
  withMessages,
  withOutgoing,
  withoutOutgoing,
} from "./conversation.ts";
import type { DeliveryWatch } from "./delivery-watch.ts";
import { errorText } from "./error-text.ts";
import type { ModelParts } from "./model-parts.ts";
import { withPeople } from "./people.ts";

const pageSize = 50;

export class ConversationModel {
  readonly #parts: ModelParts;
  readonly #list: ChatListModel;
  readonly #delivery: DeliveryWatch;
  /** Texts not sent yet, by chat. */
  readonly drafts = new Map<string, string>();

  constructor(parts: ModelParts, list: ChatListModel, delivery: DeliveryWatch) {
    this.#parts = parts;
    this.#list = list;
    this.#delivery = delivery;
  }

  get(chatId: string): Conversation {
    return this.#parts.store.state.conversations.get(chatId) ?? emptyConversation(chatId);
  }

  /** Shows a chat, or none. */
  open(chatId: string | undefined): void {
    const { store } = this.#parts;
    const left = store.state.openChatId;
    if (left === chatId) return;
    if (left !== undefined) this.#change(left, trimmed);
    store.update((state) => ({ ...state, openChatId: chatId }));
    if (chatId === undefined) return;
    const summary = store.state.chats.get(chatId);
    const newest = summary?.lastMessage?.sequence ?? 0;
    const unreadFrom = summary !== undefined && newest > summary.readUpTo ? summary.readUpTo + 1 : undefined;
    this.#change(chatId, (conversation) => ({ ...conversation, unreadFrom }));
    this.#showUnsent(chatId);
    void this.#loadFirst(chatId);
    void this.loadDetail(chatId);
  }

  /** What an earlier visit has left to be sent. */
  #showUnsent(chatId: string): void {
    for (const message of this.#parts.client.unsent) {
      const { clientMessageId, content, createdAtMs } = message;
      if (message.chatId !== chatId || this.#outgoing(chatId, clientMessageId) !== undefined) continue;
      const outgoing = { clientMessageId, content, createdAtMs, failure: undefined };
      this.#change(chatId, (conversation) => withOutgoing(conversation, outgoing));
    }
  }

  #outgoing(chatId: string, clientMessageId: string): Outgoing | undefined {
    return this.get(chatId).outgoing.find((entry) => entry.clientMessageId === clientMessageId);
  }

  /** The newest page: from local storage, which is dense, else from the server. */
  async #loadFirst(chatId: string): Promise<void> {
    if (this.get(chatId).messages.length >= pageSize) return;
    this.#change(chatId, (conversation) => ({ ...conversation, loading: "first", loadFailure: undefined }));
    try {
      const local = await this.#parts.client.messages(chatId, { limit: pageSize });
      this.#change(chatId, (conversation) => withMessages(conversation, local));
      const first = this.get(chatId).messages[0];
      if (first === undefined || (first.sequence > 1 && this.get(chatId).messages.length < pageSize)) {
        await this.#loadRemote(chatId, first?.sequence);
      }
      this.#change(chatId, (conversation) => ({ ...conversation, loading: undefined }));
    } catch (error) {
      this.#change(chatId, (conversation) => ({
        ...conversation,
        loading: undefined,
        loadFailure: errorText(error),
      }));
    }
    this.#delivery.watch(chatId);
  }

  /** One page above the oldest message on screen; does nothing at the start of the chat or while loading. */
  async loadOlder(chatId: string): Promise<void> {
    const { messages, loading } = this.get(chatId);
    const before = messages[0]?.sequence;
    if (before === undefined) return loading === undefined ? this.#loadFirst(chatId) : undefined;
    if (before <= 1 || loading !== undefined) return;
    this.#change(chatId, (conversation) => ({ ...conversation, loading: "older", loadFailure: undefined }));
    let loadFailure: string | undefined;
    try {
      const local = await this.#parts.client.messages(chatId, { beforeSequence: before, limit: pageSize });
      if (local.at(-1)?.sequence === before - 1) {
        this.#change(chatId, (conversation) => withMessages(conversation, local));
      } else {
        await this.#loadRemote(chatId, before);
      }
    } catch (error) {
      loadFailure = errorText(error);
    }
    this.#change(chatId, (conversation) => ({ ...conversation, loading: undefined, loadFailure }));
  }

  async #loadRemote(chatId: string, beforeSequence: number | undefined): Promise<void> {
    const page = await this.#parts.client.rest.history(chatId, { limit: pageSize, beforeSequence });
    // Former members stand in the history and nowhere else.
    const senders = page.data.map((message) => message.sender);
    this.#parts.store.update((state) => ({ ...state, people: withPeople(state.people, senders) }));
    this.#change(chatId, (conversation) => withMessages(conversation, page.data));
  }

  async loadDetail(chatId: string): Promise<void> {
    try {
      this.onDetail(await this.#parts.client.rest.getChat(chatId));
    } catch {
      // Names and roles then stay as they were known.
    }
  }

  onDetail(detail: NonNullable<Conversation["detail"]>): void {
    this.#list.onDetail(detail);
    this.#change(detail.chat_id, (conversation) => ({ ...conversation, detail }));
  }

  /** Remembers an unsent text, and tells the others that one is writing. */
  keepDraft(chatId: string, text: string): void {
    if (text === "") {
      this.drafts.delete(chatId);
      this.#parts.client.stopTyping(chatId);
    } else {
      this.drafts.set(chatId, text);
      this.#parts.client.startTyping(chatId);
    }
  }

  /** @throws {SendError} content that the server would refuse, OUTBOX_FULL */
  send(chatId: string, content: string): void {
    const message = this.#parts.client.send(chatId, content);
    this.drafts.delete(chatId);
    this.#change(chatId, (conversation) =>
      withOutgoing(
        { ...conversation, unreadFrom: undefined },
        {
          clientMessageId: message.clientMessageId,
          content: message.content,
          createdAtMs: this.#parts.clock.nowMs(),
          failure: undefined,
        },
      ),
    );
  }

  /** A message that failed for good goes out as a new one. */
  retry(chatId: string, clientMessageId: string): void {
    const failed = this.#outgoing(chatId, clientMessageId);
    if (failed?.failure === undefined) return;
    this.discard(chatId, clientMessageId);
    this.send(chatId, failed.content);
  }

  discard(chatId: string, clientMessageId: string): void {
    this.#change(chatId, (conversation) => withoutOutgoing(conversation, clientMessageId));
  }

  onMessages(chatId: string, messages: readonly MessagePayload[]): void {
    const { conversations, openChatId } = this.#parts.store.state;
    if (!conversations.has(chatId) && openChatId !== chatId) return;
    this.#change(chatId, (conversation) => {
      const senders = new Set(messages.map((message) => message.sender_id));
      const merged = withMessages(conversation, messages);
      // Whoever has written is not writing any more.
      return { ...merged, typingUserIds: merged.typingUserIds.filter((userId) => !senders.has(userId)) };
    });
    this.#delivery.watch(chatId);
  }

  onAcked({ clientMessageId, message }: ClientEvents["ackReceived"]): void {
    if (!this.#parts.store.state.conversations.has(message.chat_id)) return;
    this.#change(message.chat_id, (conversation) => withAcked(conversation, clientMessageId, message));
    this.#delivery.watch(message.chat_id);
  }

  onFailed({ chatId, clientMessageId, content, error }: ClientEvents["sendFailed"]): void {
    if (error.code === "CLIENT_CLOSED") return;
    const known = this.#outgoing(chatId, clientMessageId);
    this.#change(chatId, (conversation) =>
      withOutgoing(conversation, {
        clientMessageId,
        content,
        createdAtMs: known?.createdAtMs ?? this.#parts.clock.nowMs(),
        failure: errorText(error),
      }),
    );
  }

  onTyping({ chatId, userId, isTyping }: ClientEvents["typing"]): void {
    const others = this.get(chatId).typingUserIds.filter((other) => other !== userId);
    if (isTyping) this.#forgetTyping(chatId, userId);
    this.#change(chatId, (conversation) => ({
      ...conversation,
      typingUserIds: isTyping ? [...others, userId] : others,
    }));
  }

  readonly #typingTimers = new Map<string, { cancel(): void }>();

  #forgetTyping(chatId: string, userId: string): void {
    const key = `${chatId} ${userId}`;
    this.#typingTimers.get(key)?.cancel();
    this.#typingTimers.set(
      key,
      this.#parts.clock.setTimer(protocolLimits.typingExpiryMs, () => {
        this.#typingTimers.delete(key);
        this.onTyping({ chatId, userId, isTyping: false });
      }),
    );
  }

  /** The newest message of the open chat has been on screen. */
  markRead(chatId: string): void {
    this.#list.markRead(chatId, newestSequence(this.get(chatId)));
  }

  #change(chatId: string, change: (conversation: Conversation) => Conversation): void {
    this.#parts.store.update((state) => {
      const known = state.conversations.get(chatId) ?? emptyConversation(chatId);
      const changed = change(known);
      if (changed === known && state.conversations.has(chatId)) return state;
      return { ...state, conversations: withEntry(state.conversations, chatId, changed) };
    });
  }
}
