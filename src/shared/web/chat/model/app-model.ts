/** The page's model: holds the state, listens to the client, offers what the user can do. */
import type { Me, VerifiedOtp } from "../../../client/rest-types.ts";
import type { MessagePayload } from "../../../protocol/frames.ts";
import { type AppState, initialState, type Notice } from "./app-state.ts";
import { ChatActions } from "./chat-actions.ts";
import { ChatListModel } from "./chat-list-model.ts";
import { chatTitle, isMuted } from "./chat-summary.ts";
import { ConversationModel } from "./conversation-model.ts";
import { DeliveryWatch } from "./delivery-watch.ts";
import { errorText } from "./error-text.ts";
import { linkState } from "./link-state.ts";
import type { ModelParts } from "./model-parts.ts";
import { forgetPage } from "./page-storage.ts";
import { personName, withPeople } from "./people.ts";
import { Store } from "./store.ts";

/** The browser around the page. */
export interface Surroundings {
  isOnline(): boolean;
  isVisible(): boolean;
}

/** Groups one was added to without a message yet show up at the next look. */
const listRefreshMs = 60_000;

export class AppModel {
  readonly store: Store<AppState>;
  readonly list: ChatListModel;
  readonly conversation: ConversationModel;
  readonly actions: ChatActions;
  readonly #parts: ModelParts;
  readonly #surroundings: Surroundings;

  constructor(parts: Omit<ModelParts, "store">, surroundings: Surroundings) {
    this.store = new Store(initialState);
    this.#parts = { ...parts, store: this.store };
    this.#surroundings = surroundings;
    this.list = new ChatListModel(this.#parts);
    const delivery = new DeliveryWatch(this.#parts, surroundings.isVisible);
    this.conversation = new ConversationModel(this.#parts, this.list, delivery);
    this.actions = new ChatActions(this.#parts, this.list, this.conversation);
    this.#listen();
  }

  get nowMs(): number {
    return this.#parts.clock.nowMs();
  }

  /** @returns takes it back. */
  after(delayMs: number, callback: () => void): () => void {
    const timer = this.#parts.clock.setTimer(delayMs, callback);
    return () => timer.cancel();
  }

  /** @returns ends the calls. */
  everySecond(callback: () => void): () => void {
    let timer = this.#parts.clock.setTimer(1000, again);
    const { clock } = this.#parts;
    function again(): void {
      timer = clock.setTimer(1000, again);
      callback();
    }
    return () => timer.cancel();
  }

  get rest(): ModelParts["client"]["rest"] {
    return this.#parts.client.rest;
  }

  /** Goes on with a stored session, or asks to sign in. */
  start(): void {
    const { userId } = this.#parts.client;
    if (userId === undefined) this.store.update((state) => ({ ...state, screen: "sign_in" }));
    else this.#enter(userId);
  }

  login(phoneNumber: string, otp: string): Promise<VerifiedOtp> {
    return this.#parts.client.login(phoneNumber, otp);
  }

  /** After `login`, and a name where one was missing. */
  enterAs(me: NonNullable<AppState["me"]>): void {
    this.store.update((state) => ({ ...state, me }));
    this.#enter(me.user_id);
  }

  async rename(displayName: string): Promise<Me> {
    const me = await this.rest.updateMe(displayName);
    this.store.update((state) => ({ ...state, me, people: withPeople(state.people, [me]) }));
    return me;
  }

  async logout(): Promise<void> {
    const { me } = this.store.state;
    if (me !== undefined) forgetPage(this.#parts.values, me.user_id);
    // Signing out counts here even if the server cannot be told.
    await this.#parts.client.logout().catch(() => undefined);
    this.#onLoggedOut("logged_out");
  }

  /** Tries to connect now. */
  connect(): void {
    // Why it did not work is what the status line shows.
    void this.#parts.client.connect().catch(() => this.updateLink());
    this.updateLink();
  }

  /** Call when the browser went online or offline, or the page came to the front. */
  onSurroundingsChanged(): void {
    this.updateLink();
    if (this.store.state.screen !== "chats" || !this.#surroundings.isVisible()) return;
    if (this.#surroundings.isOnline() && this.#parts.client.state === "Disconnected") this.connect();
    void this.list.refresh().catch(() => undefined);
  }

  updateLink(): void {
    const link = linkState(this.#parts.client, this.#surroundings.isOnline());
    this.store.update((state) => (state.link === link ? state : { ...state, link }));
  }

  notify(notice: Notice | undefined): void {
    this.store.update((state) => ({ ...state, notice }));
  }

  notifyError(error: unknown): void {
    this.notify({ kind: "error", text: errorText(error) });
  }

  #enter(userId: string): void {
    this.store.update((state) => ({ ...state, screen: "chats", signedOutText: undefined }));
    this.list.restore(userId);
    void this.#loadThenConnect();
    this.#refreshForEver();
  }

  /** The list first: it tells what the account had received before this browser connected. */
  async #loadThenConnect(): Promise<void> {
    const { client } = this.#parts;
    const loaded = Promise.all([
      this.list.refresh(),
      client.rest.me().then((me) => this.store.update((state) => ({ ...state, me }))),
    ]).catch(() => undefined);
    if (!this.store.state.areChatsLoaded) await loaded;
    this.connect();
  }

  #refreshTimer: { cancel(): void } | undefined;

  #refreshForEver(): void {
    this.#refreshTimer?.cancel();
    this.#refreshTimer = this.#parts.clock.setTimer(listRefreshMs, () => {
      if (this.store.state.screen !== "chats") return;
      if (this.#surroundings.isVisible()) void this.list.refresh().catch(() => undefined);
      this.#refreshForEver();
    });
  }

  #listen(): void {
    const { client } = this.#parts;
    client.on("stateChanged", ({ to }) => {
      this.updateLink();
      // Another tab has signed in.
      if (to === "Ready" && this.store.state.screen === "sign_in") this.start();
      if (to === "Ready") void this.list.refresh().catch(() => undefined);
    });
    client.on("timelineAdvanced", ({ chatId, messages }) => {
      this.conversation.onMessages(chatId, messages);
      this.list.onMessages(chatId, messages);
    });
    client.on("messageReceived", ({ message, source }) => {
      // A push is shown at once, even when what precedes it is still missing.
      this.conversation.onMessages(message.chat_id, [message]);
      if (source === "push") this.#announce(message);
    });
    client.on("ackReceived", (sent) => {
      this.conversation.onAcked(sent);
      this.list.onMessages(sent.message.chat_id, [sent.message]);
    });
    client.on("sendFailed", (failure) => this.conversation.onFailed(failure));
    client.on("chatUpdated", ({ chat }) => this.conversation.onDetail(chat));
    client.on("chatRemoved", ({ chatId }) => this.list.onRemoved(chatId));
    client.on("typing", (typing) => this.conversation.onTyping(typing));
    client.on("loggedOut", ({ reason }) => this.#onLoggedOut(reason));
  }

  #announce(message: MessagePayload): void {
    const { chats, people, me, openChatId } = this.store.state;
    const chat = chats.get(message.chat_id);
    if (message.sender_id === me?.user_id || (chat !== undefined && isMuted(chat, this.nowMs))) return;
    const sender = personName(people, message.sender_id);
    const place =
      chat === undefined || message.chat_id === openChatId ? "" : ` in ${chatTitle(chat, people)}`;
    this.store.update((state) => ({ ...state, announcement: `${sender}${place}: ${message.content}` }));
  }

  #onLoggedOut(reason: string): void {
    if (this.store.state.screen === "sign_in") return;
    this.#refreshTimer?.cancel();
    this.store.update(() => ({
      ...initialState,
      screen: "sign_in",
      signedOutText: reason === "logged_out" ? undefined : "Your session has ended. Sign in again.",
    }));
  }
}
