/** The list of chats: loaded over REST, kept current by what the client tells, remembered for the next start. */
import type { ChatDetail, ChatListItem } from "../../../client/rest-types.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";
import { type AppState, withEntry } from "./app-state.ts";
import {
  type ChatSummary,
  inListOrder,
  summaryOfDetail,
  summaryOfListItem,
  withMessage,
} from "./chat-summary.ts";
import type { ModelParts } from "./model-parts.ts";
import { readPage, rememberedChatsMax, writePage } from "./page-storage.ts";
import { withPeople } from "./people.ts";

const pageSize = 100;
/** 1000 chats are the most that a user can have. */
const pagesMax = 10;
/** Changes come in bursts: they are remembered together. */
const rememberDelayMs = 500;

export class ChatListModel {
  readonly #parts: ModelParts;
  #isRememberingDue = false;
  #refreshing: Promise<void> | undefined;

  constructor(parts: ModelParts) {
    this.#parts = parts;
    parts.store.subscribe(() => this.#rememberSoon());
  }

  /** Shows what an earlier visit knew. */
  restore(userId: string): void {
    const page = readPage(this.#parts.values, userId);
    if (page === undefined) return;
    this.#parts.store.update((state) => ({
      ...state,
      me: page.me,
      chats: new Map(page.chats.map((chat) => [chat.chatId, chat])),
      people: new Map(page.people),
      areChatsLoaded: true,
    }));
  }

  /** Reads the whole list anew; a call during another one joins it. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #load(): Promise<void> {
    // A first visit of this browser: what the account has received elsewhere counts as read.
    const isFirstVisit = !this.#parts.store.state.areChatsLoaded;
    const knownBefore = this.#parts.store.state.chats;
    const items = new Map<string, ChatListItem>();
    let cursor: string | undefined;
    for (let page = 0; page < pagesMax; page++) {
      const { data, pagination } = await this.#parts.client.rest.listChats({ limit: pageSize, cursor });
      for (const item of data) items.set(item.chat_id, item);
      cursor = pagination.next_cursor ?? undefined;
      if (!pagination.has_more || cursor === undefined) break;
    }
    this.#parts.store.update((state) => listed(state, [...items.values()], knownBefore, isFirstVisit));
  }

  onDetail(chat: ChatDetail): void {
    this.#parts.store.update((state) => {
      const known = state.chats.get(chat.chat_id);
      return {
        ...state,
        chats: withEntry(state.chats, chat.chat_id, summaryOfDetail(chat, state.me?.user_id, known)),
        people: withPeople(state.people, chat.members),
      };
    });
  }

  /** New messages of one chat, ascending. A chat nobody told of yet is looked up. */
  onMessages(chatId: string, messages: readonly MessagePayload[]): void {
    const { store } = this.#parts;
    const known = store.state.chats.get(chatId);
    if (known === undefined) {
      void this.#lookUp(chatId, messages);
      return;
    }
    store.update((state) => ({
      ...state,
      chats: withEntry(state.chats, chatId, applied(state, known, messages)),
    }));
  }

  async #lookUp(chatId: string, messages: readonly MessagePayload[]): Promise<void> {
    try {
      this.onDetail(await this.#parts.client.rest.getChat(chatId));
    } catch {
      // The next refresh of the list brings it.
      return;
    }
    if (this.#parts.store.state.chats.has(chatId)) this.onMessages(chatId, messages);
  }

  onRemoved(chatId: string): void {
    this.#parts.store.update((state) => ({ ...state, chats: withEntry(state.chats, chatId, undefined) }));
  }

  change(chatId: string, change: (summary: ChatSummary) => ChatSummary): void {
    this.#parts.store.update((state) => {
      const known = state.chats.get(chatId);
      if (known === undefined) return state;
      const changed = change(known);
      return changed === known ? state : { ...state, chats: withEntry(state.chats, chatId, changed) };
    });
  }

  /** Everything up to `sequence` has been on screen. */
  markRead(chatId: string, sequence: number): void {
    this.change(chatId, (summary) =>
      summary.readUpTo >= sequence ? summary : { ...summary, readUpTo: sequence },
    );
  }

  /** What another tab has shown is read here, too. */
  adoptReadMarks(): void {
    const userId = this.#parts.store.state.me?.user_id;
    if (userId === undefined) return;
    for (const chat of readPage(this.#parts.values, userId)?.chats ?? []) {
      this.markRead(chat.chatId, chat.readUpTo);
    }
  }

  #rememberSoon(): void {
    if (this.#isRememberingDue) return;
    this.#isRememberingDue = true;
    this.#parts.clock.setTimer(rememberDelayMs, () => {
      this.#isRememberingDue = false;
      this.remember();
    });
  }

  remember(): void {
    const { me, chats, people, screen } = this.#parts.store.state;
    if (me === undefined || screen !== "chats") return;
    writePage(this.#parts.values, me.user_id, {
      me,
      chats: inListOrder(chats).slice(0, rememberedChatsMax),
      people: [...people],
    });
  }
}

function applied(state: AppState, known: ChatSummary, messages: readonly MessagePayload[]): ChatSummary {
  return messages.reduce(
    (summary, message) => withMessage(summary, message, message.sender_id === state.me?.user_id),
    known,
  );
}

/** The server's list replaces ours; what this browser alone knows is kept. */
function listed(
  state: AppState,
  items: readonly ChatListItem[],
  knownBefore: AppState["chats"],
  isFirstVisit: boolean,
): AppState {
  // What was learned of while the list was on its way may not be in it.
  const chats = new Map([...state.chats].filter(([chatId]) => !knownBefore.has(chatId)));
  for (const item of items) {
    const known = state.chats.get(item.chat_id);
    const received = Math.max(0, (item.last_message?.sequence ?? 0) - item.pending_ack_count);
    const summary = summaryOfListItem(item, known?.readUpTo ?? (isFirstVisit ? received : 0));
    chats.set(item.chat_id, {
      ...summary,
      // The list may lag behind what has been pushed.
      lastMessage:
        (known?.lastMessage?.sequence ?? 0) > (summary.lastMessage?.sequence ?? 0)
          ? known?.lastMessage
          : summary.lastMessage,
      readUpTo:
        item.last_message?.sender_id === state.me?.user_id
          ? Math.max(summary.readUpTo, item.last_message?.sequence ?? 0)
          : summary.readUpTo,
    });
  }
  const others = items.flatMap((item) => (item.other_member === undefined ? [] : [item.other_member]));
  return { ...state, chats, areChatsLoaded: true, people: withPeople(state.people, others) };
}
