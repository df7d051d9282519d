/**
 * A server of one process for tests of clients: sockets and REST in memory, on a clock that the test moves. It
 * keeps the promises of the protocol unless a script tells it to break one. Everything that came is recorded
 * with its time.
 */
import type { ClientFrame, MessagePayload, ServerFrame } from "../protocol/frames.ts";
import { parseClientFrame } from "../protocol/parse-client-frame.ts";
import type { Clock, HttpFetch, HttpRequest, HttpResponse, SocketEvents, SocketFactory } from "./ports.ts";

export interface RecordedFrame {
  readonly atMs: number;
  readonly connection: number;
  readonly frame: ClientFrame;
  /** As sent. */
  readonly text: string;
}

export interface RecordedUpgrade {
  readonly atMs: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RecordedCall {
  readonly atMs: number;
  readonly method: string;
  /** Below `/api/v1`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export type FrameOf<Type extends ClientFrame["type"]> = Extract<ClientFrame, { readonly type: Type }>;
type FrameScript = (frame: ClientFrame, connection: ScriptedConnection) => boolean;
type UpgradeScript = (upgrade: RecordedUpgrade) => "accept" | "silence" | "hang" | number | { close: number };
type CallScript = (call: RecordedCall) => HttpAnswer | "lost" | undefined;

export interface HttpAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ScriptedServerOptions {
  readonly clock: Clock;
  /** Do upgrades carry headers, as outside browsers? */
  readonly supportsHeaders: boolean;
  /** One way, for frames and REST. */
  readonly latencyMs: number;
}

export const scriptedUser = {
  userId: "user_01SCRIPTED",
  deviceId: "550e8400-e29b-41d4-a716-446655440000",
  accessToken: "access-1",
  refreshToken: "refresh-1",
} as const;

/** One socket, seen from the server. */
export interface ScriptedConnection {
  readonly index: number;
  /** Set when either side has ended it. */
  readonly ended:
    | { readonly by: "client" | "server"; readonly code: number; readonly atMs: number }
    | undefined;
  send(frame: ServerFrame | { readonly type: string; readonly [key: string]: unknown }): void;
  sendText(text: string): void;
  close(code: number): void;
  /** The link dies: neither side hears of the other again, the client only when it looks. */
  cut(): void;
}

export class ScriptedServer {
  readonly clock: Clock;
  readonly sockets: SocketFactory;
  readonly fetch: HttpFetch;
  readonly frames: RecordedFrame[] = [];
  readonly upgrades: RecordedUpgrade[] = [];
  readonly calls: RecordedCall[] = [];
  readonly connections: Socketlike[] = [];
  heartbeatIntervalMs = 5000;
  /** Seconds that new access tokens live. */
  tokenLifeSeconds = 3600;
  /** How far the server's clock is ahead. */
  clockAheadMs = 0;
  /** Scripts: each may take over; `true` or an answer = handled. */
  onFrame: FrameScript = () => false;
  onUpgrade: UpgradeScript = () => "accept";
  onCall: CallScript = () => undefined;
  readonly #options: ScriptedServerOptions;
  readonly #chats = new Map<string, MessagePayload[]>();
  readonly #watermarks = new Map<string, number>();
  readonly #byClientId = new Map<string, MessagePayload>();
  #tokens = 1;

  constructor(options: ScriptedServerOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.sockets = {
      supportsHeaders: options.supportsHeaders,
      open: (url, headers, events) => this.#upgrade(url, headers, events),
    };
    this.fetch = (url, request) => this.#call(url, request);
  }

  get connection(): Socketlike {
    const latest = this.connections.at(-1);
    if (latest === undefined) throw new Error("no connection has been opened yet");
    return latest;
  }

  framesOf<Type extends ClientFrame["type"]>(
    type: Type,
  ): (RecordedFrame & { readonly frame: FrameOf<Type> })[] {
    return this.frames.filter((recorded) => recorded.frame.type === type) as never;
  }

  addChat(chatId: string, messages: number): void {
    this.#chats.set(chatId, []);
    for (let count = 0; count < messages; count++) this.commit(chatId, `message ${count + 1}`);
  }

  removeChat(chatId: string): void {
    this.#chats.delete(chatId);
  }

  /** Makes a message of another member durable, without pushing it. */
  commit(chatId: string, content: string, senderId = "user_01OTHER"): MessagePayload {
    const chat = this.#chats.get(chatId);
    if (chat === undefined) throw new Error(`no chat ${chatId}`);
    const message: MessagePayload = {
      message_id: `msg_${chatId.slice(5)}${chat.length + 1}`,
      chat_id: chatId,
      sequence: chat.length + 1,
      sender_id: senderId,
      content,
      content_type: "text/plain",
      created_at: this.#now(),
    };
    chat.push(message);
    return message;
  }

  push(message: MessagePayload): void {
    this.connection.send({ type: "message", timestamp: this.#now(), payload: message });
  }

  commitAndPush(chatId: string, content: string): MessagePayload {
    const message = this.commit(chatId, content);
    this.push(message);
    return message;
  }

  messages(chatId: string): readonly MessagePayload[] {
    return this.#chats.get(chatId) ?? [];
  }

  /** What the server has stored of the client's acks. */
  watermark(chatId: string): number {
    return this.#watermarks.get(chatId) ?? 0;
  }

  closing(reason: string, reconnectDelayMs: number, reconnectAllowed: boolean): void {
    this.connection.send({
      type: "connection_closing",
      timestamp: this.#now(),
      payload: {
        reason,
        message: reason,
        reconnect_delay_ms: reconnectDelayMs,
        reconnect_allowed: reconnectAllowed,
      },
    });
  }

  error(connection: ScriptedConnection, requestId: string | undefined, code: string, details?: object): void {
    connection.send({
      type: "error",
      ...(requestId === undefined ? {} : { request_id: requestId }),
      timestamp: this.#now(),
      payload: { code, message: code, ...(details === undefined ? {} : { details }) },
    });
  }

  #now(): string {
    return new Date(this.clock.nowMs() + this.clockAheadMs).toISOString();
  }

  #upgrade(url: string, headers: Readonly<Record<string, string>>, events: SocketEvents): Socketlike {
    const upgrade = { atMs: this.clock.nowMs(), url, headers };
    this.upgrades.push(upgrade);
    const verdict = this.onUpgrade(upgrade);
    const socket = new Socketlike(
      this.connections.length,
      this.clock,
      this.#options.latencyMs,
      events,
      (text) => this.#receive(socket, text),
    );
    if (typeof verdict === "number") {
      socket.refuse(verdict);
      return socket;
    }
    if (verdict === "hang") return socket;
    if (typeof verdict === "object") {
      socket.close(verdict.close);
      return socket;
    }
    this.connections.push(socket);
    socket.open();
    if (verdict === "silence") return socket;
    socket.send({
      type: "connection_established",
      timestamp: this.#now(),
      payload: {
        connection_id: `conn_${this.connections.length}`,
        user_id: scriptedUser.userId,
        device_id: scriptedUser.deviceId,
        server_time: this.#now(),
        heartbeat_interval_ms: this.heartbeatIntervalMs,
        protocol_version: 1,
      },
    });
    return socket;
  }

  #receive(socket: Socketlike, text: string): void {
    const parsed = parseClientFrame(text);
    if (parsed.kind !== "frame") throw new Error(`the client sent an invalid frame: ${text}`);
    const { frame } = parsed;
    this.frames.push({ atMs: this.clock.nowMs(), connection: socket.index, frame, text });
    if (this.onFrame(frame, socket)) return;
    this.answer(frame, socket);
  }

  /** What a faithful server does with the frame. */
  answer(frame: ClientFrame, socket: ScriptedConnection): void {
    switch (frame.type) {
      case "heartbeat":
        socket.send({
          type: "heartbeat_ack",
          ...(frame.request_id === undefined ? {} : { request_id: frame.request_id }),
          timestamp: this.#now(),
          payload: { server_time: this.#now() },
        });
        return;
      case "ack": {
        const { chat_id, last_acked_sequence } = frame.payload;
        this.#watermarks.set(chat_id, Math.max(this.watermark(chat_id), last_acked_sequence));
        return;
      }
      case "send_message":
        this.#send(frame, socket);
        return;
      case "sync_request":
        this.#sync(frame, socket);
        return;
      default:
        return;
    }
  }

  #send(frame: FrameOf<"send_message">, socket: ScriptedConnection): void {
    const message = this.store(frame);
    if (message === undefined) {
      this.error(socket, frame.request_id, "NOT_A_MEMBER");
      return;
    }
    socket.send({
      type: "send_message_ack",
      request_id: frame.request_id,
      timestamp: this.#now(),
      payload: {
        client_message_id: frame.payload.client_message_id,
        message_id: message.message_id,
        chat_id: message.chat_id,
        sequence: message.sequence,
        created_at: message.created_at,
      },
    });
  }

  /** Commits a send, or finds it committed; without answering. */
  store(frame: FrameOf<"send_message">): MessagePayload | undefined {
    const { chat_id, client_message_id, content } = frame.payload;
    if (!this.#chats.has(chat_id)) return undefined;
    const key = `${chat_id} ${client_message_id.toLowerCase()}`;
    const message = this.#byClientId.get(key) ?? this.commit(chat_id, content, scriptedUser.userId);
    this.#byClientId.set(key, message);
    return message;
  }

  #sync(frame: FrameOf<"sync_request">, socket: ScriptedConnection): void {
    const { chat_id, last_acked_sequence, limit = 100 } = frame.payload;
    const chat = this.#chats.get(chat_id);
    if (chat === undefined) {
      this.error(socket, frame.request_id, "NOT_A_MEMBER");
      return;
    }
    const page = chat.slice(last_acked_sequence, last_acked_sequence + limit);
    const hasMore = last_acked_sequence + page.length < chat.length;
    socket.send({
      type: "sync_response",
      request_id: frame.request_id,
      timestamp: this.#now(),
      payload: {
        chat_id,
        messages: page.map(({ chat_id: _, ...message }) => message),
        has_more: hasMore,
        ...(hasMore ? { next_sequence: last_acked_sequence + page.length + 1 } : {}),
      },
    });
  }

  #call(url: string, request: HttpRequest): Promise<HttpResponse> {
    const path = url.slice(url.indexOf("/api/v1") + "/api/v1".length);
    const call: RecordedCall = {
      atMs: this.clock.nowMs(),
      method: request.method,
      path,
      headers: request.headers,
      body: request.body === null ? undefined : JSON.parse(request.body),
    };
    this.calls.push(call);
    const answer = this.onCall(call) ?? this.#answerCall(call);
    return new Promise((resolve, reject) => {
      request.signal.addEventListener("abort", () => reject(request.signal.reason), { once: true });
      this.clock.setTimer(2 * this.#options.latencyMs, () => {
        if (answer === "lost") reject(new Error("connection refused"));
        else resolve(httpResponse(answer));
      });
    });
  }

  #answerCall(call: RecordedCall): HttpAnswer {
    const [route = ""] = call.path.split("?");
    if (call.method === "POST" && route === "/auth/refresh") {
      this.#tokens++;
      return ok({ tokens: this.#newTokens() });
    }
    if (call.method === "POST" && route === "/auth/verify-otp") return ok(this.#login());
    if (route === "/auth/logout") return { status: 204 };
    if (route === "/users/me") {
      return ok({ user_id: scriptedUser.userId, display_name: null, phone_number: "+14155551234" });
    }
    if (route === "/delivery-state") {
      return ok(
        [...this.#chats].map(([chat_id, messages]) => ({
          chat_id,
          last_acked_sequence: this.watermark(chat_id),
          current_sequence: messages.length,
          unread_count: messages.length - this.watermark(chat_id),
          updated_at: null,
        })),
      );
    }
    const chatId = route.match(/^\/chats\/(chat_[0-9A-Za-z]+)$/)?.[1];
    const chat = chatId === undefined ? undefined : this.#chats.get(chatId);
    if (chatId !== undefined && chat !== undefined) {
      return ok({
        chat_id: chatId,
        type: "group",
        name: chatId,
        current_sequence: chat.length,
        my_membership: { role: "member", last_acked_sequence: this.watermark(chatId) },
      });
    }
    return restError(404, "NOT_FOUND");
  }

  #login(): object {
    const nowIso = this.#now();
    return {
      user: {
        user_id: scriptedUser.userId,
        phone_number: "+14155551234",
        display_name: null,
        created_at: nowIso,
      },
      session: {
        session_id: "sess_1",
        device_id: scriptedUser.deviceId,
        created_at: nowIso,
        expires_at: nowIso,
      },
      tokens: this.#newTokens(),
      is_new_user: false,
    };
  }

  #newTokens(): object {
    return {
      access_token: `access-${this.#tokens}`,
      refresh_token: `refresh-${this.#tokens}`,
      token_type: "Bearer",
      expires_in: this.tokenLifeSeconds,
    };
  }
}

/** Both ends of a socket in memory; frames take the latency and keep their order. */
class Socketlike implements ScriptedConnection {
  readonly index: number;
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #events: SocketEvents;
  readonly #onText: (text: string) => void;
  #ended: ScriptedConnection["ended"];
  #cut = false;
  #told = false;

  constructor(
    index: number,
    clock: Clock,
    latencyMs: number,
    events: SocketEvents,
    onText: (text: string) => void,
  ) {
    this.index = index;
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#events = events;
    this.#onText = onText;
  }

  get ended(): ScriptedConnection["ended"] {
    return this.#ended;
  }

  open(): void {
    this.#toClient(() => this.#events.onOpen());
  }

  refuse(httpStatus: number): void {
    this.#end("server", 1006);
    this.#toClient(() => this.#tell(1006, httpStatus));
  }

  /** Of both sides: the client's frames are text, the server's are objects. */
  send(frame: string | object): void {
    if (typeof frame === "string") this.#toServer(frame);
    else this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    if (this.#ended === undefined) this.#toClient(() => this.#events.onText(text));
  }

  close(code: number, reason?: string): void {
    // Only a client gives a reason.
    const by = reason === undefined ? "server" : "client";
    if (this.#ended !== undefined) return;
    this.#end(by, code);
    this.#toClient(() => this.#tell(code, undefined));
  }

  cut(): void {
    this.#cut = true;
  }

  #end(by: "client" | "server", code: number): void {
    this.#ended = { by, code, atMs: this.#clock.nowMs() };
  }

  #toServer(text: string): void {
    if (this.#cut || this.#ended !== undefined) return;
    this.#clock.setTimer(this.#latencyMs, () => {
      if (!this.#cut) this.#onText(text);
    });
  }

  #toClient(deliver: () => void): void {
    this.#clock.setTimer(this.#latencyMs, () => {
      if (!this.#cut && !this.#told) deliver();
    });
  }

  #tell(code: number, httpStatus: number | undefined): void {
    this.#told = true;
    this.#events.onClose({ code, reason: "", httpStatus, retryAfterMs: undefined });
  }
}

function ok(data: unknown): HttpAnswer {
  return { status: 200, body: { data } };
}

export function restError(status: number, code: string, headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers, body: { error: { code, message: code, request_id: "request-1" } } };
}

function httpResponse(answer: HttpAnswer): HttpResponse {
  const headers = new Map(
    Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return {
    status: answer.status,
    headers: { get: (name) => headers.get(name.toLowerCase()) ?? null },
    text: async () => (answer.body === undefined ? "" : JSON.stringify(answer.body)),
  };
}
