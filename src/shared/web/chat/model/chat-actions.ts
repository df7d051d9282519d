/** What a user does to chats: each ends with the page showing the outcome. */
import { withEntry } from "./app-state.ts";
import type { ChatListModel } from "./chat-list-model.ts";
import type { ConversationModel } from "./conversation-model.ts";
import type { ModelParts } from "./model-parts.ts";
import { withPeople } from "./people.ts";
import { readPhoneNumber } from "./phone-number.ts";

export type GroupResult =
  | { readonly ok: true; readonly chatId: string }
  | { readonly ok: false; readonly notFound: readonly string[] };

/** Every call rejects as the client's REST calls do. */
export class ChatActions {
  readonly #parts: ModelParts;
  readonly #list: ChatListModel;
  readonly #conversation: ConversationModel;

  constructor(parts: ModelParts, list: ChatListModel, conversation: ConversationModel) {
    this.#parts = parts;
    this.#list = list;
    this.#conversation = conversation;
  }

  /** @returns the chat, or undefined when nobody has the number */
  async startDirectChat(phoneNumber: string): Promise<string | undefined> {
    const found = await this.#lookUp([phoneNumber]);
    const userId = found.userIds[0];
    if (userId === undefined) return undefined;
    const chat = await this.#parts.client.rest.createDirectChat(userId);
    await this.#conversation.loadDetail(chat.chat_id);
    return chat.chat_id;
  }

  /** Creates nothing unless all numbers are found. */
  async createGroup(
    name: string,
    userIds: readonly string[],
    phoneNumbers: readonly string[],
  ): Promise<GroupResult> {
    const ownId = this.#parts.store.state.me?.user_id;
    const found =
      phoneNumbers.length === 0 ? { userIds: [], notFound: [] } : await this.#lookUp(phoneNumbers);
    if (found.notFound.length > 0) return { ok: false, notFound: found.notFound };
    const members = new Set([...userIds, ...found.userIds]);
    if (ownId !== undefined) members.delete(ownId);
    const chat = await this.#parts.client.rest.createGroup(name, [...members]);
    await this.#conversation.loadDetail(chat.chat_id);
    return { ok: true, chatId: chat.chat_id };
  }

  async renameChat(chatId: string, name: string): Promise<void> {
    await this.#parts.client.rest.renameChat(chatId, name);
    await this.#conversation.loadDetail(chatId);
  }

  /** @returns what is wrong with the number, or undefined when the member was added */
  async addMember(chatId: string, phoneText: string): Promise<string | undefined> {
    const reading = readPhoneNumber(phoneText);
    if (!reading.ok) return reading.hint;
    const userId = (await this.#lookUp([reading.number])).userIds[0];
    if (userId === undefined) return `Nobody with the number ${reading.number} is here yet.`;
    await this.#parts.client.rest.addMember(chatId, userId);
    await this.#conversation.loadDetail(chatId);
    return undefined;
  }

  async removeMember(chatId: string, userId: string): Promise<void> {
    await this.#parts.client.rest.removeMember(chatId, userId);
    await this.#conversation.loadDetail(chatId);
  }

  async changeRole(chatId: string, userId: string, role: "member" | "admin"): Promise<void> {
    await this.#parts.client.rest.changeRole(chatId, userId, role);
    await this.#conversation.loadDetail(chatId);
  }

  async leave(chatId: string): Promise<void> {
    await this.#parts.client.rest.leave(chatId);
    this.#list.onRemoved(chatId);
    this.#parts.store.update((state) => ({
      ...state,
      conversations: withEntry(state.conversations, chatId, undefined),
    }));
  }

  async setMuted(chatId: string, muted: boolean): Promise<void> {
    const { rest } = this.#parts.client;
    const { muted_until } = await (muted ? rest.mute(chatId) : rest.unmute(chatId));
    this.#list.change(chatId, (summary) => ({ ...summary, mutedUntil: muted_until }));
  }

  async #lookUp(
    phoneNumbers: readonly string[],
  ): Promise<{ readonly userIds: readonly string[]; readonly notFound: readonly string[] }> {
    const { users, not_found } = await this.#parts.client.rest.lookup(phoneNumbers);
    // The numbers are remembered: they are how the user knows these people.
    this.#parts.store.update((state) => ({ ...state, people: withPeople(state.people, users) }));
    return { userIds: users.map((user) => user.user_id), notFound: not_found };
  }
}
