/**
 * A chat client that takes care of the hard parts: one connection that heals itself, messages in order without
 * gaps or repeats, an outbox that survives being offline, acknowledgements, tokens.
 */
import type {
  ConnectionEstablishedFrame,
  ErrorFrame,
  MessagePayload,
  ServerFrame,
} from "../protocol/frames.ts";
import { Acker } from "./acker.ts";
import { CatchUp } from "./catch-up.ts";
import { ChatBook } from "./chat-book.ts";
import type {
  ChatClient,
  ConnectionStatus,
  MessageRange,
  OutgoingMessage,
  SendOptions,
} from "./chat-client.ts";
import { ConnectionStoppedError, LoggedOutError } from "./client-errors.ts";
import { type ClientOptions, type ClientSettings, resolveOptions } from "./client-options.ts";
import { Connection } from "./connection.ts";
import type { ConnectionState } from "./connection-state.ts";
import { DurableWriter } from "./durable-writer.ts";
import { type ClientEventName, type ClientEvents, Emitter, type StateTransition } from "./events.ts";
import { createHttp } from "./http.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { platformDefaults } from "./platform.ts";
import { createRestCalls, type RestCalls } from "./rest.ts";
import type { ChatDetail, VerifiedOtp } from "./rest-types.ts";
import { type Credentials, Session } from "./session.ts";
import { storageKeys } from "./storage.ts";
import { Syncer, type SyncResult } from "./syncer.ts";
import { rejectOnAbort } from "./time-limit.ts";
import { Typing } from "./typing.ts";
import { newUuid } from "./uuid.ts";
import { wipeAccount } from "./wipe-account.ts";

/** Transitions that `transitions` remembers. */
const transitionsMax = 100;
/** UNAUTHORIZED twice in so short a time, although REST accepts the token, means that trying harder is no help. */
const unauthorizedAgainMs = 60_000;
const unauthorizedPauseMs = 10_000;

export class TriplaneClient implements ChatClient {
  readonly rest: RestCalls;
  readonly #settings: ClientSettings;
  readonly #events: Emitter<ClientEvents>;
  readonly #session: Session;
  readonly #writer: DurableWriter;
  readonly #book: ChatBook;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #acker: Acker;
  readonly #syncer: Syncer;
  readonly #inbox: Inbox;
  readonly #catchUp: CatchUp;
  readonly #typing: Typing;
  readonly #transitions: StateTransition[] = [];
  readonly #connecting: PromiseWithResolvers<void>[] = [];
  readonly #syncWaits = new Map<string, PromiseWithResolvers<void>[]>();
  #connectionId: string | undefined;
  #clockOffsetMs = 0;
  #roundTripMs: number | undefined;
  #unauthorizedAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** Opens local storage and takes up what an earlier run left: session, chats, unsent messages. */
  static async open(options: ClientOptions): Promise<TriplaneClient> {
    const client = new TriplaneClient(resolveOptions(options, platformDefaults(options)));
    await client.#load();
    return client;
  }

  private constructor(settings: ClientSettings) {
    this.#settings = settings;
    const { clock, random, storage } = settings;
    this.#events = new Emitter((event, cause) => {
      // A listener of `error` that throws cannot be told of anywhere.
      if (event !== "error") this.#problem("LISTENER_FAILED", `a listener of ${event} threw`, cause);
    });
    const http = createHttp(settings);
    this.#session = new Session(storage, http, clock, random, {
      onRefreshed: () => this.#connection.input({ type: "renew" }),
      onRefreshFailed: (cause) => this.#problem("REFRESH_FAILED", "the token could not be refreshed", cause),
      onLoggedOut: (reason) => this.#loggedOut(reason),
    });
    this.rest = this.#tellingOfChats(createRestCalls(http, this.#session, random));
    this.#writer = new DurableWriter(storage, clock, random, (cause) =>
      this.#problem("STORAGE_FAILED", "local storage refused a write; it will be repeated", cause),
    );
    this.#book = new ChatBook(
      storage,
      this.#writer,
      settings.messagesPerChatMax,
      (chatId, cursor, messages) => this.#acker.advance(chatId, cursor, messages),
    );
    this.#connection = this.#createConnection();
    this.#acker = new Acker(clock, {
      ready: () => this.state === "Ready",
      send: (frame) => this.#connection.send(frame),
      onSent: (chatId, lastAckedSequence) =>
        this.#events.emit("watermarkSent", { chatId, lastAckedSequence }),
    });
    this.#syncer = this.#createSyncer();
    this.#inbox = new Inbox({
      book: this.#book,
      events: this.#events,
      startFrom: settings.startFrom,
      buffering: () => this.#catchUp.running,
      isSyncing: (chatId) => this.#syncer.isSyncing(chatId),
      requestSync: (chatId) => this.#syncer.request(chatId),
      getChat: (chatId) => this.rest.getChat(chatId),
      userId: () => this.userId,
      onMessage: (message) => this.#typing.onMessage(message.chat_id, message.sender_id),
    });
    this.#catchUp = new CatchUp({
      clock,
      random,
      book: this.#book,
      syncer: this.#syncer,
      acker: this.#acker,
      inbox: this.#inbox,
      discoverChats: settings.discoverChats,
      startFrom: settings.startFrom,
      deliveryStates: (signal) => this.rest.deliveryStates(undefined, signal),
      onCaughtUp: () => this.#connection.input({ type: "synced" }),
      onDiscoveryFailed: (cause) =>
        this.#problem("DELIVERY_STATE_FAILED", "the server's counters could not be read", cause),
    });
    this.#outbox = this.#createOutbox();
    this.#typing = new Typing(clock, {
      ready: () => this.state === "Ready",
      send: (frame) => this.#connection.send(frame),
      onTyping: (event) => this.#events.emit("typing", event),
    });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get status(): ConnectionStatus {
    const { state } = this;
    if (state === "Connected" || state === "Syncing" || state === "Ready") return "connected";
    return state === "Disconnected" && !this.#connection.retrying ? "offline" : "reconnecting";
  }

  get userId(): string | undefined {
    return this.#session.userId;
  }

  get deviceId(): string {
    return this.#session.deviceId;
  }

  /** Of the current or the last connection; for logs. */
  get connectionId(): string | undefined {
    return this.#connectionId;
  }

  /** Server time minus local time, as last measured. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** Of the last answered heartbeat. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** The last 100 changes of state, the oldest first. */
  get transitions(): readonly StateTransition[] {
    return this.#transitions;
  }

  get unsent(): readonly OutgoingMessage[] {
    return this.#outbox.waiting;
  }

  on<Name extends ClientEventName>(
    name: Name,
    listener: (payload: ClientEvents[Name]) => void,
    signal?: AbortSignal,
  ): () => void {
    return this.#events.on(name, listener, signal);
  }

  next<Name extends ClientEventName>(
    name: Name,
    accepts?: (payload: ClientEvents[Name]) => boolean,
    signal?: AbortSignal,
  ): Promise<ClientEvents[Name]> {
    return this.#events.next(name, accepts, signal);
  }

  async login(phoneNumber: string, otp: string, signal?: AbortSignal): Promise<VerifiedOtp> {
    const verified = await this.#session.verifyOtp(phoneNumber, otp, signal);
    await this.#ownStorage(verified.user.user_id);
    return verified;
  }

  /** Takes over a session that was made elsewhere, e.g. by a seeding tool. */
  async useSession(credentials: Credentials): Promise<void> {
    await this.#session.adopt(credentials);
    await this.#ownStorage(credentials.userId);
  }

  async logout(signal?: AbortSignal): Promise<void> {
    await this.disconnect();
    await this.#session.logout(signal);
  }

  connect(signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(new ConnectionStoppedError("closed"));
    if (this.userId === undefined) return Promise.reject(new LoggedOutError("not_logged_in"));
    if (this.state === "Ready") return Promise.resolve();
    const waiting = Promise.withResolvers<void>();
    this.#connecting.push(waiting);
    this.#connection.input({ type: "connect" });
    return rejectOnAbort(signal, waiting.promise);
  }

  async disconnect(): Promise<void> {
    this.#connection.input({ type: "disconnect" });
    if (this.state !== "Disconnected") {
      await this.next("stateChanged", (transition) => transition.to === "Disconnected");
    }
  }

  send(chatId: string, content: string, options: SendOptions = {}): OutgoingMessage {
    if (this.#closed) throw new ConnectionStoppedError("closed");
    this.#typing.stop(chatId);
    return this.#outbox.add(chatId, content, options);
  }

  messages(chatId: string, range: MessageRange = {}): Promise<readonly MessagePayload[]> {
    return this.#book.messages(chatId, range.beforeSequence, range.limit ?? 100);
  }

  /** What this object has merged of a chat, ascending; above `cursor(chatId)` there may be holes. */
  timeline(chatId: string): readonly MessagePayload[] {
    return this.#book.get(chatId)?.timeline.messages ?? [];
  }

  /** The last sequence up to which the chat is complete here; 0 for an unknown chat. */
  cursor(chatId: string): number {
    return this.#book.get(chatId)?.timeline.cursor ?? 0;
  }

  /** Chats known here, without those that the server refused. */
  get chatIds(): readonly string[] {
    return this.#book.activeIds;
  }

  sync(chatId: string, signal?: AbortSignal): Promise<void> {
    const waiting = Promise.withResolvers<void>();
    this.#syncWaits.set(chatId, [...(this.#syncWaits.get(chatId) ?? []), waiting]);
    this.#book.open(chatId, 0).active = true;
    if (this.#connected()) this.#syncer.request(chatId);
    return rejectOnAbort(signal, waiting.promise);
  }

  startTyping(chatId: string): void {
    this.#typing.start(chatId);
  }

  stopTyping(chatId: string): void {
    this.#typing.stop(chatId);
  }

  /** Sends all acks that are due, for an app that goes to the background. */
  async flushAcks(): Promise<void> {
    await this.#writer.settled();
    this.#acker.flush();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.disconnect();
    await this.#writer.settled();
    this.#release();
    await this.#settings.storage.close();
  }

  /** Ends as a killed process would: nothing is flushed, storage keeps what it has. */
  abandon(): void {
    this.#closed = true;
    this.#connection.abandon();
    this.#onDown();
    this.#release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #load(): Promise<void> {
    const { storage, deviceId } = this.#settings;
    await this.#session.load(deviceId);
    for (const [chatId, cursor] of await this.#book.load()) this.#acker.restore(chatId, cursor);
    this.#outbox.restore(
      await storage.list(storageKeys.outboxPrefix, {
        before: undefined,
        limit: this.#settings.outboxMax,
        reverse: false,
      }),
    );
  }

  #release(): void {
    this.#outbox.close();
    this.#session.close();
    this.#writer.abandon();
    this.#rejectConnecting(new ConnectionStoppedError("closed"));
    for (const chatId of [...this.#syncWaits.keys()]) {
      this.#endSyncWaits(chatId, new ConnectionStoppedError("closed"));
    }
  }

  #createConnection(): Connection {
    const { socketUrl, sockets, clock, random, onFrame } = this.#settings;
    return new Connection({
      url: socketUrl,
      sockets,
      clock,
      random,
      onFrame,
      hooks: {
        token: async (refused, signal) => {
          if (this.#writer.isBehind) throw new Error("local storage is behind");
          return refused === undefined
            ? this.#session.accessToken(signal)
            : this.#session.replaceToken(refused, signal);
        },
        deviceId: () => this.deviceId,
        probe: async (signal) => {
          try {
            await this.rest.me(signal);
          } catch (error) {
            // Only the end of the session matters here.
            if (error instanceof LoggedOutError) throw error;
          }
        },
        onTransition: (transition) => this.#transitioned(transition),
        onEstablished: (frame) => this.#established(frame),
        onClosing: ({ payload }) => {
          this.#events.emit("closing", {
            reason: payload.reason,
            reconnectDelayMs: payload.reconnect_delay_ms,
            reconnectAllowed: payload.reconnect_allowed !== false,
          });
        },
        onFrame: (frame) => this.#onFrame(frame),
        onUnknownFrame: (type) => this.#events.emit("unknownFrame", { type }),
        onMalformedFrame: (message) => this.#problem("MALFORMED_FRAME", message, undefined),
        onRoundTrip: (roundTripMs, serverTime) => this.#measured(roundTripMs, serverTime),
        flush: () => this.flushAcks(),
        onStopped: (reason) => this.#stopped(reason),
      },
    });
  }

  #createSyncer(): Syncer {
    const { clock, random } = this.#settings;
    return new Syncer(clock, random, {
      ready: () => this.#connected(),
      send: (frame) => this.#connection.send(frame),
      newRequestId: () => newUuid(random),
      cursor: (chatId) => this.cursor(chatId),
      highestSeen: (chatId) => this.#book.get(chatId)?.timeline.highestSeen ?? 0,
      onPage: (page) => this.#inbox.onPage(page),
      onDone: (result) => this.#synced(result),
      onRefused: (chatId, code) => this.#refused(chatId, code),
      onUnauthorized: () => this.#unauthorized(),
      onGivenUp: (chatId, code, message) => this.#problem(code, `sync of ${chatId}: ${message}`, undefined),
    });
  }

  #createOutbox(): Outbox {
    const { clock, random, outboxMax, sendsInFlightPerChat, limitSends } = this.#settings;
    return new Outbox({
      clock,
      random,
      writer: this.#writer,
      messagesMax: outboxMax,
      inFlightPerChat: sendsInFlightPerChat,
      limitSends,
      hooks: {
        ready: () => this.state === "Ready",
        send: (frame) => this.#connection.send(frame),
        newRequestId: () => newUuid(random),
        userId: () => this.userId ?? "",
        onSent: (event) => this.#events.emit("messageSent", event),
        onAcked: (sent, done) => {
          this.#events.emit("ackReceived", sent);
          this.#inbox.onOwn(sent.message, done);
        },
        onFailed: (event) => {
          this.#events.emit("sendFailed", event);
          if (event.error.code === "NOT_A_MEMBER" || event.error.code === "NOT_FOUND") {
            this.#refused(event.chatId, event.error.code);
          }
        },
        onUnauthorized: () => this.#unauthorized(),
      },
    });
  }

  #connected(): boolean {
    const { state } = this;
    return state === "Connected" || state === "Syncing" || state === "Ready";
  }

  #transitioned(transition: StateTransition): void {
    this.#transitions.push(transition);
    if (this.#transitions.length > transitionsMax) this.#transitions.shift();
    if (transition.to === "Disconnected") this.#onDown();
    this.#events.emit("stateChanged", transition);
    if (transition.to === "Ready") this.#onReady();
  }

  #established(frame: ConnectionEstablishedFrame): void {
    this.#connectionId = frame.payload.connection_id;
    const offsetMs = Date.parse(frame.payload.server_time) - this.#settings.clock.nowMs();
    if (Number.isFinite(offsetMs)) this.#clockOffsetMs = offsetMs;
    this.#connection.input({ type: "sync_started" });
    this.#catchUp.start();
  }

  #onReady(): void {
    for (const waiting of this.#connecting.splice(0)) waiting.resolve();
    this.#outbox.pumpAll();
    void this.flushAcks();
  }

  #onDown(): void {
    this.#catchUp.onDown();
    this.#syncer.onDown();
    this.#inbox.onDown();
    this.#outbox.onDown();
    this.#acker.onDown();
    this.#typing.onDown();
  }

  #onFrame(frame: ServerFrame): void {
    switch (frame.type) {
      case "message":
        this.#onMessage(frame.payload);
        return;
      case "send_message_ack":
        this.#outbox.onAck(frame);
        return;
      case "sync_response":
        this.#syncer.onResponse(frame);
        return;
      case "error":
        this.#onError(frame);
        return;
      case "typing_indicator":
        this.#typing.onIndicator(frame);
        return;
      default:
        // The connection keeps its own frames to itself.
        return;
    }
  }

  #onMessage(message: MessagePayload): void {
    if (
      !Number.isSafeInteger(message.sequence) ||
      message.sequence < 1 ||
      typeof message.chat_id !== "string"
    ) {
      this.#problem("MALFORMED_FRAME", `a message of chat ${message.chat_id} without a sequence`, message);
      return;
    }
    this.#inbox.onPush(message);
    if (!this.#writer.isBehind) return;
    // No connection until storage has caught up: what is missed meanwhile the next sync brings.
    this.#connection.input({ type: "lost", reason: "local storage is behind", minDelayMs: 0 });
  }

  #onError(frame: ErrorFrame): void {
    if (this.#outbox.onError(frame) || this.#syncer.onError(frame)) return;
    const { code, message } = frame.payload;
    this.#problem(code, message, frame);
    if (code === "UNAUTHORIZED") this.#unauthorized();
  }

  #synced(result: SyncResult): void {
    const { chatId, from, messages, complete } = result;
    this.#inbox.release(chatId);
    if (complete) {
      // The ack of an earlier connection may have been lost with it.
      if (this.#catchUp.running) this.#acker.repeat(chatId);
      this.#events.emit("syncCompleted", { chatId, from, cursor: this.cursor(chatId), messages });
      this.#endSyncWaits(chatId, undefined);
      void this.#writer.settled().then(() => {
        if (this.state === "Ready") this.#acker.flushChat(chatId);
      });
    } else {
      this.#endSyncWaits(chatId, new Error(`the sync of ${chatId} was refused`));
    }
    this.#catchUp.progress();
  }

  /** Never a permission of our own making: the chat is only left alone until the server names it again. */
  #refused(chatId: string, code: string): void {
    const chat = this.#book.get(chatId);
    if (chat !== undefined) chat.active = false;
    this.#events.emit("chatRemoved", { chatId, code });
  }

  #unauthorized(): void {
    const { clock } = this.#settings;
    const again = clock.monotonicMs() - this.#unauthorizedAtMs < unauthorizedAgainMs;
    this.#unauthorizedAtMs = clock.monotonicMs();
    this.rest.me().then(
      // The token is good or was replaced meanwhile: a new connection presents it. If that has just been tried
      // in vain, not at once.
      () =>
        this.#connection.input(
          again
            ? { type: "lost", reason: "unauthorized again", minDelayMs: unauthorizedPauseMs }
            : { type: "renew" },
        ),
      (cause: unknown) => this.#problem("UNAUTHORIZED", "the session could not be confirmed", cause),
    );
  }

  #measured(roundTripMs: number, serverTime: string): void {
    this.#roundTripMs = roundTripMs;
    const offsetMs = Date.parse(serverTime) + roundTripMs / 2 - this.#settings.clock.nowMs();
    if (Number.isFinite(offsetMs)) this.#clockOffsetMs = offsetMs;
    this.#events.emit("roundTrip", { roundTripMs, clockOffsetMs: this.#clockOffsetMs });
  }

  #stopped(reason: string): void {
    this.#rejectConnecting(new ConnectionStoppedError(reason));
    if (reason === "session_revoked") void this.#session.end(reason);
  }

  #loggedOut(reason: string): void {
    this.#rejectConnecting(new LoggedOutError(reason));
    this.#connection.input({ type: "stop", reason });
    this.#events.emit("loggedOut", { reason });
  }

  #rejectConnecting(error: Error): void {
    for (const waiting of this.#connecting.splice(0)) waiting.reject(error);
  }

  #endSyncWaits(chatId: string, error: Error | undefined): void {
    const waits = this.#syncWaits.get(chatId) ?? [];
    this.#syncWaits.delete(chatId);
    for (const waiting of waits) {
      if (error === undefined) waiting.resolve();
      else waiting.reject(error);
    }
  }

  /** Another user's chats and unsent messages must not be taken for this one's. */
  async #ownStorage(userId: string): Promise<void> {
    const { storage } = this.#settings;
    const owner = await storage.get(storageKeys.owner);
    if (owner !== undefined && owner !== userId) {
      await this.disconnect();
      this.#outbox.clear();
      await this.#writer.settled();
      this.#book.clear();
      await wipeAccount(storage);
    }
    await storage.write([{ key: storageKeys.owner, value: userId }]);
  }

  #problem(code: string, message: string, cause: unknown): void {
    this.#events.emit("error", { code, message, cause });
  }

  /** The calls that change a chat tell of it as an event, too. */
  #tellingOfChats(calls: RestCalls): RestCalls {
    const told = async <T extends { readonly chat_id: string }>(call: Promise<T>): Promise<T> => {
      const result = await call;
      calls.getChat(result.chat_id).then(
        (chat: ChatDetail) => {
          const start = this.#settings.startFrom === "beginning";
          this.#book.open(chat.chat_id, start ? 0 : chat.my_membership.last_acked_sequence);
          this.#events.emit("chatUpdated", { chat });
        },
        // The call itself has succeeded; the event is a courtesy.
        () => undefined,
      );
      return result;
    };
    return {
      ...calls,
      createDirectChat: (userId, signal) => told(calls.createDirectChat(userId, signal)),
      createGroup: (name, memberIds, signal) => told(calls.createGroup(name, memberIds, signal)),
      renameChat: (chatId, name, signal) => told(calls.renameChat(chatId, name, signal)),
      addMember: (chatId, userId, role, signal) => told(calls.addMember(chatId, userId, role, signal)),
      changeRole: (chatId, userId, role, signal) => told(calls.changeRole(chatId, userId, role, signal)),
    };
  }
}
