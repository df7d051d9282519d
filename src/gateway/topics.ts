/**
 * Learned topics (D6): a chat's connections subscribe to the chat's topic as recipient lists arrive, so that a
 * steady chat costs one publish. `publish` answers for the topic as a whole and drops frames over a socket's
 * limit without naming it; so the bytes between two looks are capped below that limit, and after each turn every
 * subscriber's buffer is looked at: a socket with waiting bytes leaves its topics and is fed from its outbox.
 */
import type { Clock } from "../shared/domain/clock.ts";
import type { UserId } from "../shared/domain/ids.ts";
import type { Connection } from "./connection.ts";
import type { Hub } from "./hub.ts";
import { publishBytesMax, type TopicPublisher } from "./socket.ts";

interface Topic {
  readonly name: string;
  /** The recipients this topic was learned for, in the order fan-out names them. */
  readonly userIds: readonly string[];
  readonly subscribers: Set<Connection>;
  /** Recipients' connections that are fed from their outbox meanwhile. */
  readonly blocked: Set<Connection>;
  usedAtMs: number;
}

export interface TopicsOptions {
  readonly clock: Clock;
  readonly hub: Hub;
  readonly publisher: TopicPublisher;
  /** Fewer connections than this are pushed one by one. */
  readonly connectionsMin: number;
  /** Topics held at most; the one unused longest goes first. */
  readonly topicsMax: number;
  /** A topic unused for this long is forgotten. */
  readonly idleMs: number;
}

export class Topics {
  readonly #options: TopicsOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #byUser = new Map<string, Set<Topic>>();
  readonly #published = new Set<Topic>();
  /** Over all topics: a socket may be in each of them. */
  #bytesSinceLook = 0;
  #lookPending = false;
  #sweepPending = false;

  constructor(options: TopicsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#topics.size;
  }

  /**
   * Pushes by topic if the chat has one, or is large enough to learn one.
   * @returns how many connections were tried and refused; undefined: push socket by socket
   */
  push(
    chatId: string,
    userIds: readonly string[],
    frame: string,
    bytes: number,
    excluded: Connection | undefined,
  ): { attempted: number; refused: number } | undefined {
    const topic = this.#topicFor(chatId, userIds);
    if (topic === undefined) return undefined;
    if (this.#bytesSinceLook + bytes > publishBytesMax) this.#look();
    let attempted = topic.subscribers.size;
    let refused = 0;
    if (attempted > 0) {
      if (excluded?.socket !== undefined && topic.subscribers.has(excluded)) {
        attempted--;
        excluded.socket.publish(topic.name, frame);
      } else this.#options.publisher.publish(topic.name, frame);
      this.#bytesSinceLook += bytes;
      this.#published.add(topic);
      this.#lookSoon();
    }
    for (const connection of topic.blocked) {
      if (connection === excluded) continue;
      attempted++;
      if (!connection.push(frame, bytes)) refused++;
    }
    return { attempted, refused };
  }

  /** A recipient of learned topics has a new connection. */
  connected(connection: Connection): void {
    for (const topic of this.#byUser.get(connection.init.userId) ?? []) this.#subscribe(topic, connection);
  }

  disconnected(connection: Connection): void {
    for (const topic of this.#byUser.get(connection.init.userId) ?? []) {
      topic.subscribers.delete(connection);
      topic.blocked.delete(connection);
    }
  }

  /** Out of the topics: from now on the outbox keeps its order. */
  blocked(connection: Connection): void {
    for (const topic of this.#byUser.get(connection.init.userId) ?? []) {
      if (!topic.subscribers.delete(connection)) continue;
      connection.socket?.unsubscribe(topic.name);
      topic.blocked.add(connection);
    }
  }

  drained(connection: Connection): void {
    for (const topic of this.#byUser.get(connection.init.userId) ?? []) {
      if (topic.blocked.delete(connection)) this.#subscribe(topic, connection);
    }
  }

  #topicFor(chatId: string, userIds: readonly string[]): Topic | undefined {
    const known = this.#topics.get(chatId);
    if (known !== undefined) {
      if (sameList(known.userIds, userIds)) {
        known.usedAtMs = this.#options.clock.monotonicMs();
        return known;
      }
      // A recipient list that differs also ends the subscriptions of those it no longer names.
      this.#forget(chatId, known);
    }
    return this.#learn(chatId, userIds);
  }

  #learn(chatId: string, userIds: readonly string[]): Topic | undefined {
    const { clock, hub, connectionsMin, topicsMax } = this.#options;
    if (userIds.length * 5 < connectionsMin) return undefined;
    let count = 0;
    for (const userId of userIds) count += hub.of(userId as UserId).length;
    if (count < connectionsMin) return undefined;
    const topic: Topic = {
      name: `chat:${chatId}`,
      userIds,
      subscribers: new Set(),
      blocked: new Set(),
      usedAtMs: clock.monotonicMs(),
    };
    this.#topics.set(chatId, topic);
    for (const userId of userIds) {
      const topics = this.#byUser.get(userId);
      if (topics === undefined) this.#byUser.set(userId, new Set([topic]));
      else topics.add(topic);
      for (const connection of hub.of(userId as UserId)) this.#subscribe(topic, connection);
    }
    if (this.#topics.size > topicsMax) this.#sweep(1);
    this.#sweepLater();
    return topic;
  }

  #subscribe(topic: Topic, connection: Connection): void {
    if (connection.closed) return;
    if (!connection.flowing || connection.socket === undefined) {
      topic.blocked.add(connection);
      return;
    }
    // What this turn already holds for the socket goes first.
    connection.flush();
    if (!connection.flowing) {
      topic.blocked.add(connection);
      return;
    }
    connection.socket.subscribe(topic.name);
    topic.subscribers.add(connection);
  }

  #forget(chatId: string, topic: Topic): void {
    this.#topics.delete(chatId);
    this.#published.delete(topic);
    for (const connection of topic.subscribers) connection.socket?.unsubscribe(topic.name);
    for (const userId of topic.userIds) {
      const topics = this.#byUser.get(userId);
      topics?.delete(topic);
      if (topics?.size === 0) this.#byUser.delete(userId);
    }
  }

  #lookSoon(): void {
    if (this.#lookPending) return;
    this.#lookPending = true;
    this.#options.clock.setTimer(0, () => {
      this.#lookPending = false;
      this.#look();
    });
  }

  /** Looks at every subscriber that was published to since the last look. */
  #look(): void {
    const looked = new Set<Connection>();
    for (const topic of this.#published) {
      for (const connection of topic.subscribers) looked.add(connection);
    }
    this.#published.clear();
    this.#bytesSinceLook = 0;
    for (const connection of looked) {
      if ((connection.socket?.bufferedBytes() ?? 0) > 0) connection.block();
    }
  }

  #sweepLater(): void {
    if (this.#sweepPending) return;
    this.#sweepPending = true;
    this.#options.clock.setTimer(this.#options.idleMs, () => {
      this.#sweepPending = false;
      const before = this.#options.clock.monotonicMs() - this.#options.idleMs;
      for (const [chatId, topic] of this.#topics) if (topic.usedAtMs <= before) this.#forget(chatId, topic);
      if (this.#topics.size > 0) this.#sweepLater();
    });
  }

  /** Forgets the topics that were learned first. */
  #sweep(count: number): void {
    for (const [chatId, topic] of [...this.#topics].slice(0, count)) this.#forget(chatId, topic);
  }
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
