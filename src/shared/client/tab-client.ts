/**
 * The client of a page that may be open in several tabs: they share one device, one connection and one refresh
 * of tokens. The leader holds a TriplaneClient; the others call it and hear its events. When the leader goes,
 * the next one opens local storage and goes on; messages keep their ids, so nothing is sent twice.
 */
import type { MessagePayload } from "../protocol/frames.ts";
import type {
  ChatClient,
  ConnectionStatus,
  MessageRange,
  OutgoingMessage,
  SendOptions,
} from "./chat-client.ts";
import { ConnectionStoppedError, RestError, SendError } from "./client-errors.ts";
import type { ConnectionState } from "./connection-state.ts";
import { type ClientEventName, type ClientEvents, Emitter, type SentMessage } from "./events.ts";
import type { Clock, Random } from "./ports.ts";
import { prepareContent } from "./prepare-content.ts";
import type { RestCalls } from "./rest.ts";
import type { VerifiedOtp } from "./rest-types.ts";
import { fromTabError } from "./tab-errors.ts";
import { TabLeader } from "./tab-leader.ts";
import type { TabError, TabMessage, TabSnapshot, Tabs, UnsentMessage } from "./tabs.ts";
import { rejectOnAbort } from "./time-limit.ts";
import { newUuid } from "./uuid.ts";

export interface TabClientParts {
  readonly tabs: Tabs;
  readonly clock: Clock;
  readonly random: Random;
  /** Opens the client of a tab that has become the leader. */
  readonly openClient: () => Promise<ChatClient>;
}

interface PendingCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly outcome: PromiseWithResolvers<unknown>;
}

interface PendingSend extends OutgoingMessage {
  readonly resolve: (sent: SentMessage) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that may be made again by the next leader; any other may have taken effect and fails with the old one. */
const repeatable =
  /^(connect|messages|sync|send|startTyping|stopTyping|rest\.(me|user|lookup|listChats|getChat|history|message|messagesAround|deliveryStatus|deliveryStates|sessions|updateMe|renameChat|mute|unmute))$/;
const pendingCallsMax = 1000;

export class TabClient implements ChatClient {
  readonly rest: RestCalls;
  readonly #tabs: Tabs;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #openClient: () => Promise<ChatClient>;
  readonly #events: Emitter<ClientEvents>;
  readonly #calls = new Map<string, PendingCall>();
  readonly #sends = new Map<string, PendingSend>();
  /** What the leader still has to send, of all tabs. */
  readonly #unsent = new Map<string, UnsentMessage>();
  /** Per chat what this tab has been told of: a next leader may tell it again. */
  readonly #told = new Map<string, number>();
  readonly #leaving = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  #snapshot: TabSnapshot = {
    state: "Disconnected",
    status: "offline",
    userId: undefined,
    wantsConnection: false,
  };
  /** Of the leader that is heard; undefined while there is none. */
  #term: string | undefined;
  #leader: TabLeader | undefined;
  #stopListening: () => void = () => undefined;

  /** Resolves when some tab leads: the state is known then. */
  static async open(parts: TabClientParts): Promise<TabClient> {
    const client = new TabClient(parts);
    client.#start();
    await client.#opened.promise;
    return client;
  }

  private constructor(parts: TabClientParts) {
    this.#tabs = parts.tabs;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#openClient = parts.openClient;
    this.#events = new Emitter((event, cause) => {
      if (event === "error") return;
      this.#events.emit("error", { code: "LISTENER_FAILED", message: `a listener of ${event} threw`, cause });
    });
    this.rest = this.#restCalls();
  }

  get state(): ConnectionState {
    return this.#snapshot.state;
  }

  get status(): ConnectionStatus {
    return this.#snapshot.status;
  }

  get userId(): string | undefined {
    return this.#snapshot.userId;
  }

  /** Does this tab hold the connection? */
  get isLeading(): boolean {
    return this.#leader !== undefined;
  }

  get unsent(): readonly OutgoingMessage[] {
    return [...this.#unsent.values()].map(
      (message) => this.#sends.get(message.clientMessageId) ?? this.#track(message),
    );
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

  login(phoneNumber: string, otp: string, signal?: AbortSignal): Promise<VerifiedOtp> {
    return this.#call("login", [phoneNumber, otp], signal);
  }

  logout(signal?: AbortSignal): Promise<void> {
    return this.#call("logout", [], signal);
  }

  connect(signal?: AbortSignal): Promise<void> {
    return this.#call("connect", [], signal);
  }

  disconnect(): Promise<void> {
    return this.#call("disconnect", [], undefined);
  }

  send(chatId: string, rawContent: string, options: SendOptions = {}): OutgoingMessage {
    const content = prepareContent(rawContent);
    const clientMessageId = options.clientMessageId ?? newUuid(this.#random);
    const known = this.#sends.get(clientMessageId);
    if (known !== undefined) return known;
    const message = this.#track({ clientMessageId, chatId, content, createdAtMs: this.#clock.nowMs() });
    const { signal } = options;
    signal?.addEventListener("abort", () => message.reject(signal.reason), { once: true });
    this.#call("send", [chatId, content, clientMessageId], undefined).catch((error: unknown) => {
      this.#sends.delete(clientMessageId);
      message.reject(error);
      // A full outbox, for one: the leader has not taken it.
      if (error instanceof SendError) {
        this.#events.emit("sendFailed", { clientMessageId, chatId, content, error });
      }
    });
    return message;
  }

  messages(chatId: string, range: MessageRange = {}): Promise<readonly MessagePayload[]> {
    return this.#call("messages", [chatId, range], undefined);
  }

  sync(chatId: string, signal?: AbortSignal): Promise<void> {
    return this.#call("sync", [chatId], signal);
  }

  startTyping(chatId: string): void {
    this.#call("startTyping", [chatId], undefined).catch(() => undefined);
  }

  stopTyping(chatId: string): void {
    this.#call("stopTyping", [chatId], undefined).catch(() => undefined);
  }

  /** Leaves; a leader hands over to another tab. */
  async close(): Promise<void> {
    if (this.#leaving.signal.aborted) return;
    this.#leaving.abort(new ConnectionStoppedError("closed"));
    await this.#leader?.close();
    this.#leader = undefined;
    this.#stopListening();
    for (const { outcome } of this.#calls.values()) outcome.reject(new ConnectionStoppedError("closed"));
    for (const send of this.#sends.values()) {
      send.reject(
        new SendError("CLIENT_CLOSED", "the tab was closed; another one, or the next start, sends it"),
      );
    }
    this.#calls.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #start(): void {
    this.#stopListening = this.#tabs.listen((message) => this.#receive(message));
    this.#tabs.post({ type: "hello" });
    this.#tabs.lead(this.#leaving.signal).then(
      (release) => this.#lead(release),
      // Only when the tab closes first.
      () => undefined,
    );
  }

  async #lead(release: () => void): Promise<void> {
    try {
      const client = await this.#openClient();
      if (this.#leaving.signal.aborted) {
        await client.close();
        release();
        return;
      }
      this.#leader = new TabLeader({
        client,
        tabs: this.#tabs,
        term: newUuid(this.#random),
        wantsConnection: this.#snapshot.wantsConnection,
        release,
        tellOwnTab: (message) => this.#receive(message),
      });
      this.#leader.start();
    } catch (error) {
      release();
      this.#opened.reject(error);
    }
  }

  #receive(message: TabMessage): void {
    switch (message.type) {
      case "leading":
        this.#followed(message.term, message.snapshot, message.unsent);
        return;
      case "leaving":
        this.#term = undefined;
        return;
      case "returned":
        this.#take(message.id)?.outcome.resolve(message.value);
        return;
      case "failed":
        this.#take(message.id)?.outcome.reject(fromTabError(message.error));
        return;
      case "queued":
        this.#unsent.set(message.message.clientMessageId, message.message);
        return;
      case "event":
        this.#snapshot = message.snapshot;
        this.#tell(message.name, message.payload);
        return;
      case "hello":
      case "call":
        // For the leader, who listens by itself.
        return;
      default:
        message satisfies never;
    }
  }

  /** A leader speaks: for the first time, or in place of another. */
  #followed(term: string, snapshot: TabSnapshot, unsent: readonly UnsentMessage[]): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (term === this.#term) return;
    this.#term = term;
    this.#unsent.clear();
    for (const message of unsent) this.#unsent.set(message.clientMessageId, message);
    this.#opened.resolve();
    for (const [id, call] of this.#calls) {
      if (repeatable.test(call.name)) {
        this.#postCall(id, call);
        continue;
      }
      this.#calls.delete(id);
      call.outcome.reject(leaderLost());
    }
    // Their answers may have gone with the old leader; the ids make this safe.
    for (const send of this.#sends.values()) {
      const waiting = [...this.#calls.values()].some(
        ({ name, args }) => name === "send" && args[2] === send.clientMessageId,
      );
      if (!waiting) {
        this.#call("send", [send.chatId, send.content, send.clientMessageId], undefined).catch(
          () => undefined,
        );
      }
    }
    if (before.state !== snapshot.state) {
      this.#events.emit("stateChanged", {
        from: before.state,
        to: snapshot.state,
        reason: "another tab leads",
        atMs: this.#clock.nowMs(),
      });
    }
  }

  #tell(name: ClientEventName, payload: unknown): void {
    switch (name) {
      case "timelineAdvanced":
        this.#tellAdvanced(payload as ClientEvents["timelineAdvanced"]);
        return;
      case "ackReceived": {
        const sent = payload as SentMessage;
        this.#unsent.delete(sent.clientMessageId);
        this.#events.emit("ackReceived", sent);
        this.#takeSend(sent.clientMessageId)?.resolve(sent);
        return;
      }
      case "sendFailed": {
        const failed = payload as Omit<ClientEvents["sendFailed"], "error"> & { readonly error: TabError };
        const error = fromTabError(failed.error) as SendError;
        this.#unsent.delete(failed.clientMessageId);
        this.#events.emit("sendFailed", { ...failed, error });
        this.#takeSend(failed.clientMessageId)?.reject(error);
        return;
      }
      default:
        this.#events.emit(name, payload as never);
    }
  }

  #tellAdvanced(event: ClientEvents["timelineAdvanced"]): void {
    const told = this.#told.get(event.chatId) ?? 0;
    const messages = event.messages.filter((message) => message.sequence > told);
    if (messages.length === 0) return;
    this.#told.set(event.chatId, event.cursor);
    this.#events.emit("timelineAdvanced", { ...event, messages });
  }

  #call<T>(name: string, args: readonly unknown[], signal: AbortSignal | undefined): Promise<T> {
    if (this.#leaving.signal.aborted) return Promise.reject(this.#leaving.signal.reason);
    if (this.#calls.size >= pendingCallsMax) {
      return Promise.reject(
        new Error(`${this.#calls.size} calls wait for the leading tab, limit ${pendingCallsMax}`),
      );
    }
    const id = newUuid(this.#random);
    const call: PendingCall = { name, args, outcome: Promise.withResolvers() };
    this.#calls.set(id, call);
    // Without a leader it waits for the next one.
    if (this.#term !== undefined) this.#postCall(id, call);
    return rejectOnAbort(signal, call.outcome.promise as Promise<T>);
  }

  #postCall(id: string, { name, args }: PendingCall): void {
    const message: TabMessage = { type: "call", id, name, args };
    if (this.#leader === undefined) this.#tabs.post(message);
    else this.#leader.receive(message);
  }

  #take(id: string): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #takeSend(clientMessageId: string): PendingSend | undefined {
    const send = this.#sends.get(clientMessageId);
    this.#sends.delete(clientMessageId);
    return send;
  }

  #track(message: UnsentMessage): PendingSend {
    const { promise, resolve, reject } = Promise.withResolvers<SentMessage>();
    promise.catch(() => undefined);
    const send: PendingSend = { ...message, acked: promise, resolve, reject };
    this.#sends.set(message.clientMessageId, send);
    return send;
  }

  /** Every REST call by its name; a signal among the arguments stays in this tab. */
  #restCalls(): RestCalls {
    return new Proxy({} as RestCalls, {
      get:
        (_, name) =>
        (...args: readonly unknown[]) => {
          const signal = args.find(isSignal);
          return this.#call(
            `rest.${String(name)}`,
            args.filter((argument) => !isSignal(argument)),
            signal,
          );
        },
    });
  }
}

function isSignal(value: unknown): value is AbortSignal {
  return typeof value === "object" && value !== null && "aborted" in value && "addEventListener" in value;
}

function leaderLost(): RestError {
  return new RestError({
    status: 0,
    code: "NETWORK_ERROR",
    message: "the tab that made the call was closed; whether it took effect is unknown",
    details: {},
    requestId: undefined,
    retryAfterMs: undefined,
    cause: undefined,
  });
}
