/**
 * Clean histories from a seed: a correct server and correct clients under lost pushes, cut connections,
 * killed processes, retries, refusals and changing members. What the checker is tested against.
 */
import type { FinalMessage, FinalStore } from "./final-store.ts";
import type { HistoryEvent } from "./history.ts";
import { ModelAgenda } from "./model-agenda.ts";
import { ModelClient, type PendingSend } from "./model-client.ts";
import { ModelServer, observed } from "./model-server.ts";
import { SeededRandom } from "./seeded-random.ts";

export interface GeneratedRun {
  readonly events: readonly HistoryEvent[];
  readonly store: FinalStore;
}

export interface RunShape {
  readonly clients: number;
  readonly chats: number;
  readonly actions: number;
}

const pageSize = 7;

export function generateHistory(seed: number, shape: RunShape): GeneratedRun {
  const model = new Model(seed, shape);
  model.run();
  return { events: model.events, store: model.server.finalStore() };
}

class Model {
  readonly events: HistoryEvent[] = [];
  readonly server = new ModelServer();
  readonly #random: SeededRandom;
  readonly #agenda = new ModelAgenda();
  readonly #shape: RunShape;
  readonly #clients: ModelClient[] = [];
  /** Frames of one connection keep their order: the next one arrives after this. */
  readonly #lineBusyUntilMs = new Map<string, number>();
  #names = 0;

  constructor(seed: number, shape: RunShape) {
    this.#random = new SeededRandom(seed);
    this.#shape = shape;
  }

  run(): void {
    // Two clients share the first user: a user may have several devices.
    const users = Array.from({ length: this.#shape.clients - 1 }, (_, index) => `user_${index + 1}`);
    for (let index = 0; index < this.#shape.chats; index += 1) {
      const members = users.filter((_, place) => place < 2 || this.#random.chance(0.6));
      const chatId = `chat_${index + 1}`;
      this.server.createChat(chatId, members);
      for (const userId of members) this.#member(chatId, userId, "joined", 0);
    }
    for (const [index, userId] of ["user_1", ...users].entries()) {
      const client = new ModelClient(`client_${index + 1}`, userId, index % 2 === 0);
      this.#clients.push(client);
      const { name, deliversInOrder } = client;
      this.#record({ kind: "client_started", atMs: 0, client: name, userId, cursors: {}, deliversInOrder });
      this.#agenda.after(1 + index, () => this.#connect(client));
    }
    for (let action = 0; action < this.#shape.actions; action += 1) {
      this.#agenda.after(20 + action * 2 + this.#random.float(), () => this.#act());
    }
    this.#agenda.drain();
    this.#settle();
  }

  #record(event: HistoryEvent): void {
    this.events.push(event);
  }

  #now(): number {
    return this.#agenda.nowMs;
  }

  #name(prefix: string): string {
    this.#names += 1;
    return `${prefix}_${this.#names}`;
  }

  #act(): void {
    const client = this.#random.pick(this.#clients);
    const dice = this.#random.float();
    if (dice < 0.02) this.#kill();
    else if (dice < 0.06) this.#cut(client);
    else if (dice < 0.12) this.#readHistory(client);
    else if (dice < 0.18) this.#readWatermark(client);
    else if (dice < 0.21) this.#changeMembers(this.#random.pick(this.server.chatIds));
    else if (dice < 0.25) this.#heartbeat(client);
    else if (dice < 0.35) this.#acknowledge(client);
    else this.#send(client);
  }

  #connect(client: ModelClient): void {
    if (client.connectionId !== undefined) return;
    const connectionId = this.#name("conn");
    client.connectionId = connectionId;
    this.#record({ kind: "connection_established", atMs: this.#now(), client: client.name, connectionId });
    for (const chatId of this.server.chatsOf(client.userId)) this.#sync(client, chatId);
    for (const pending of client.pending.values()) this.#transmit(client, pending);
  }

  #cut(client: ModelClient): void {
    const { connectionId } = client;
    if (connectionId === undefined) return;
    client.connectionId = undefined;
    this.#record({
      kind: "connection_closed",
      atMs: this.#now(),
      client: client.name,
      connectionId,
      code: 1006,
    });
    this.#agenda.after(this.#random.integer(5, 15), () => this.#connect(client));
  }

  #kill(): void {
    this.#record({ kind: "process_killed", atMs: this.#now(), instance: "server" });
    for (const client of this.#clients) this.#cut(client);
    this.#agenda.after(1, () =>
      this.#record({ kind: "process_started", atMs: this.#now(), instance: "server" }),
    );
  }

  /** Runs when a frame reaches the client, if its connection still lives. */
  #arrive(client: ModelClient, connectionId: string, run: () => void): void {
    const earliest = this.#now() + this.#random.float() * 4;
    const atMs = Math.max(earliest, (this.#lineBusyUntilMs.get(connectionId) ?? 0) + 0.01);
    this.#lineBusyUntilMs.set(connectionId, atMs);
    this.#agenda.after(atMs - this.#now(), () => {
      if (client.connectionId === connectionId) run();
    });
  }

  /** Now and then two at once to one chat, so that the second leaves before the first is answered. */
  #send(client: ModelClient): void {
    if (client.connectionId === undefined) return;
    const chatId = this.#random.pick(this.server.chatIds);
    const count = this.#random.chance(0.2) ? 2 : 1;
    for (let index = 0; index < count; index += 1) {
      const content = this.#random.chance(0.05) ? "" : this.#name("text");
      const pending = { chatId, clientMessageId: this.#random.uuid(), content, attempts: 0 };
      client.pending.set(pending.clientMessageId, pending);
      this.#agenda.after(index * 0.01, () => this.#transmit(client, pending));
    }
  }

  #transmit(client: ModelClient, pending: PendingSend): void {
    const { connectionId } = client;
    if (connectionId === undefined) return;
    const on = { client: client.name, connectionId, requestId: this.#name("req") };
    const { chatId, clientMessageId, content, attempts: attempt } = pending;
    pending.attempts += 1;
    this.#record({
      kind: "send_started",
      atMs: this.#now(),
      ...on,
      chatId,
      clientMessageId,
      content,
      attempt,
    });
    // A frame that the connection's end swallows never reaches the server.
    if (this.#random.chance(0.02)) {
      this.#agenda.after(1, () => this.#cut(client));
      return;
    }
    const outcome = this.server.send(chatId, client.userId, clientMessageId, content, this.#now());
    this.#arrive(client, connectionId, () => {
      client.pending.delete(clientMessageId);
      if (outcome.kind === "refused") {
        this.#record({ kind: "error_received", atMs: this.#now(), ...on, code: outcome.code });
        return;
      }
      const { messageId, sequence, createdAt } = outcome.message;
      const ack = { chatId, clientMessageId, messageId, sequence, createdAt };
      this.#record({ kind: "ack_received", atMs: this.#now(), ...on, ...ack });
      this.#show(client, outcome.message);
      // Some acknowledgements get lost in the application: it sends again what is stored already.
      if (this.#random.chance(0.05)) this.#transmit(client, pending);
    });
    if (outcome.kind === "stored") this.#push(outcome.message, connectionId);
  }

  #push(message: FinalMessage, origin: string): void {
    const members = this.server.membersOf(message.chatId);
    for (const client of this.#clients) {
      const { connectionId } = client;
      if (connectionId === undefined || connectionId === origin || !members.has(client.userId)) continue;
      if (this.#random.chance(0.1)) continue;
      const copies = this.#random.chance(0.05) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        this.#arrive(client, connectionId, () => {
          this.#record({
            kind: "message_pushed",
            atMs: this.#now(),
            client: client.name,
            connectionId,
            requestId: null,
            chatId: message.chatId,
            message: observed(message),
          });
          this.#show(client, message);
          if (client.holdings(message.chatId).contiguous < message.sequence)
            this.#sync(client, message.chatId);
        });
      }
    }
  }

  #show(client: ModelClient, message: FinalMessage): void {
    const { chatId } = message;
    const about = { atMs: this.#now(), client: client.name, chatId };
    for (const sequence of client.receive(chatId, observed(message))) {
      const [due] = this.server.read(chatId, sequence - 1, sequence + 1);
      if (due !== undefined) this.#record({ kind: "timeline_delivered", ...about, message: observed(due) });
    }
    if (this.#random.chance(0.3)) {
      this.#record({ kind: "timeline_shown", ...about, sequences: client.timeline(chatId) });
    }
  }

  #sync(client: ModelClient, chatId: string): void {
    const { connectionId } = client;
    if (connectionId === undefined) return;
    const cursor = client.holdings(chatId).contiguous;
    const on = { client: client.name, connectionId, requestId: this.#name("req") };
    this.#record({ kind: "sync_started", atMs: this.#now(), ...on, chatId, cursor, limit: pageSize });
    const found = this.server.read(chatId, cursor, Infinity);
    const isMember = this.server.membersOf(chatId).has(client.userId);
    this.#arrive(client, connectionId, () => {
      if (!isMember) {
        this.#record({ kind: "error_received", atMs: this.#now(), ...on, code: "NOT_A_MEMBER" });
        return;
      }
      const page = found.slice(0, pageSize);
      const hasMore = found.length > page.length;
      this.#record({
        kind: "page_received",
        atMs: this.#now(),
        ...on,
        chatId,
        messages: page.map(observed),
        hasMore,
        nextSequence: hasMore ? cursor + page.length + 1 : null,
      });
      for (const message of page) this.#show(client, message);
      if (hasMore) this.#sync(client, chatId);
    });
  }

  #acknowledge(client: ModelClient): void {
    const { connectionId } = client;
    const chatId = this.#random.pick(this.server.chatIds);
    const sequence = client.holdings(chatId).contiguous;
    if (connectionId === undefined || sequence === 0) return;
    this.#record({
      kind: "watermark_sent",
      atMs: this.#now(),
      client: client.name,
      connectionId,
      chatId,
      sequence,
    });
    this.server.acknowledge(client.userId, chatId, sequence);
  }

  #readWatermark(client: ModelClient): void {
    const startedAtMs = this.#now();
    const chatId = this.#random.pick(this.server.chatIds);
    const lastAckedSequence = this.server.watermark(client.userId, chatId);
    this.#agenda.after(this.#random.float() * 3, () =>
      this.#record({
        kind: "watermark_read",
        atMs: this.#now(),
        startedAtMs,
        userId: client.userId,
        chatId,
        lastAckedSequence,
      }),
    );
  }

  #readHistory(client: ModelClient): void {
    const chats = this.server.chatsOf(client.userId);
    if (chats.length === 0) return;
    const chatId = this.#random.pick(chats);
    const startedAtMs = this.#now();
    const direction = this.#random.pick(["forward", "backward"] as const);
    const after = this.#random.chance(0.5) ? this.#random.integer(0, 10) : null;
    const before = this.#random.chance(0.3) ? (after ?? 0) + this.#random.integer(1, 20) : null;
    const range = this.server.read(chatId, after ?? 0, before ?? Infinity);
    const ordered = direction === "forward" ? range : range.toReversed();
    const messages = ordered.slice(0, pageSize).map(observed);
    const hasMore = range.length > messages.length;
    this.#agenda.after(this.#random.float() * 3, () =>
      this.#record({
        kind: "history_read",
        atMs: this.#now(),
        startedAtMs,
        userId: client.userId,
        chatId,
        direction,
        after,
        before,
        messages,
        hasMore,
      }),
    );
  }

  #heartbeat(client: ModelClient): void {
    const { connectionId } = client;
    if (connectionId === undefined) return;
    const on = { client: client.name, connectionId, requestId: this.#name("hb") };
    this.#record({ kind: "heartbeat_sent", atMs: this.#now(), ...on });
    this.#arrive(client, connectionId, () =>
      this.#record({ kind: "heartbeat_acked", atMs: this.#now(), ...on }),
    );
  }

  #changeMembers(chatId: string): void {
    const { userId } = this.#random.pick(this.#clients);
    if (userId === "user_1" || userId === "user_2") return;
    const startedAtMs = this.#now();
    const isMember = this.server.membersOf(chatId).has(userId);
    if (isMember) this.server.leave(chatId, userId);
    else this.server.join(chatId, userId);
    this.#agenda.after(0.5, () => this.#member(chatId, userId, isMember ? "left" : "joined", startedAtMs));
  }

  #member(chatId: string, userId: string, change: "joined" | "left", startedAtMs: number): void {
    const atMs = this.#now();
    this.#record({ kind: "membership_changed", atMs, startedAtMs, chatId, userId, change });
  }

  /** Everybody connects, sends what is pending and catches up. */
  #settle(): void {
    const unsettled = (): boolean =>
      this.#clients.some(
        (client) =>
          client.pending.size > 0 ||
          client.connectionId === undefined ||
          this.server
            .chatsOf(client.userId)
            .some(
              (chatId) => client.holdings(chatId).contiguous < this.server.read(chatId, 0, Infinity).length,
            ),
      );
    while (unsettled()) {
      for (const client of this.#clients) {
        this.#connect(client);
        for (const pending of client.pending.values()) this.#transmit(client, pending);
        for (const chatId of this.server.chatsOf(client.userId)) this.#sync(client, chatId);
      }
      this.#agenda.drain();
    }
    this.#agenda.after(1, () => this.#record({ kind: "settled", atMs: this.#now() }));
    this.#agenda.drain();
  }
}
