/** What the rules of the client contract share: the client under test, its surroundings, what holds in every run. */
import { expect } from "bun:test";
import type { GatedStorage } from "./gated-storage.ts";
import type { Clock, HttpFetch, Random, SocketFactory } from "./ports.ts";
import type { FrameOf, ScriptedServer } from "./scripted-server.ts";
import type { ClientStorage } from "./storage.ts";

/** A clock that stands still until it is moved. */
export interface MovableClock extends Clock {
  advance(ms: number): Promise<void>;
  /** @throws {Error} not within `maxMs` */
  runUntil(condition: () => boolean, maxMs: number): Promise<void>;
}

/** What a client under test is given; it is logged in as `scriptedUser`. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: SocketFactory;
  readonly fetch: HttpFetch;
  readonly baseUrl: string;
  readonly storage: ClientStorage;
}

/** A client under test. */
export interface ClientSubject {
  /** Connects and stays connected; does not wait. */
  connect(): void;
  /** Resolves when the connection was closed in good order. */
  disconnect(): Promise<void>;
  /** Queues a message; throws when the content is out of bounds. */
  send(chatId: string, content: string): SubjectSend;
  /** Sequences as they are displayed now, from top to bottom. */
  shown(chatId: string): readonly number[];
  /** What a status line says. */
  status(): "connected" | "reconnecting" | "offline";
  /** Caught up, free to send? */
  ready(): boolean;
  /** Log entries: error codes, types of unknown frames. */
  logged(): readonly string[];
  /** Measured round trips, ms. */
  roundTrips(): readonly number[];
  /** Ends as a killed process would. */
  kill(): void;
}

export interface SubjectSend {
  readonly clientMessageId: string;
  /** Undefined while the outcome is open, `acked`, or the code of the failure. */
  outcome(): string | undefined;
}

export interface ConformanceSetup {
  open(surroundings: Surroundings): Promise<ClientSubject>;
  newClock(): MovableClock;
  newRandom(seed: number): Random;
  /** Printed with every random test. */
  newSeed(): number;
}

export const chat = "chat_A";
export const latencyMs = 5;

export interface Bench {
  readonly clock: MovableClock;
  readonly server: ScriptedServer;
  readonly storage: GatedStorage;
  readonly client: ClientSubject;
  /** Connects and waits until the client is ready. */
  ready(): Promise<void>;
  /** Kills the client and opens the next one on the same storage. */
  restart(): Promise<ClientSubject>;
}

export type Rule = (title: string, run: (bench: Bench) => Promise<void>, supportsHeaders?: boolean) => void;

/** What must hold in every run. */
export function expectFaithful(server: ScriptedServer): void {
  const requestIds = server.frames.flatMap(({ frame }) =>
    frame.type === "send_message" || frame.type === "sync_request" ? [frame.request_id] : [],
  );
  expect(new Set(requestIds).size, "request ids are new for every transmission").toBe(requestIds.length);
  const contents = new Map<string, string>();
  for (const { frame } of server.framesOf("send_message")) {
    const { client_message_id, content } = frame.payload;
    expect(contents.get(client_message_id) ?? content, "one id, one message").toBe(content);
    contents.set(client_message_id, content);
  }
  const acked = new Map<string, number>();
  for (const { frame } of server.framesOf("ack")) {
    const { chat_id, last_acked_sequence } = frame.payload;
    expect(last_acked_sequence, "watermarks never go back").toBeGreaterThanOrEqual(acked.get(chat_id) ?? 1);
    acked.set(chat_id, last_acked_sequence);
  }
}

export function refuseSends(server: ScriptedServer, code: string): ScriptedServer["onFrame"] {
  return (frame, connection) => {
    if (frame.type !== "send_message") return false;
    server.error(connection, (frame as FrameOf<"send_message">).request_id, code);
    return true;
  };
}

export function commit(server: ScriptedServer, count: number, chatId = chat) {
  return Array.from({ length: count }, (_, index) => server.commit(chatId, `message ${index + 1}`));
}

export function acks(server: ScriptedServer): readonly number[] {
  return server.framesOf("ack").map(({ frame }) => frame.payload.last_acked_sequence);
}

export function gaps(times: readonly number[]): readonly number[] {
  return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
}
