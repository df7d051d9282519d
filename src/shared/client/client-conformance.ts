/**
 * The client contract as a suite: every rule CL, MS, MR, AK, RS, EH, each under its id, for any client that can
 * be put on a virtual clock with sockets in memory. Goal: a client that passes loses nothing, repeats nothing and
 * is no burden. Method: a scripted server that breaks what real ones break, and looks at the frames it gets.
 */
import { describe, expect, test } from "bun:test";
import { socketErrorCodes } from "../protocol/error-codes.ts";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import { GatedStorage } from "./gated-storage.ts";
import type { Clock, HttpFetch, Random, SocketFactory } from "./ports.ts";
import { type FrameOf, restError, ScriptedServer, scriptedUser } from "./scripted-server.ts";
import type { ClientStorage } from "./storage.ts";
import { MemoryStorage } from "./storage-memory.ts";

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

const chat = "chat_A";
const uuid47 = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const latencyMs = 5;

interface Bench {
  readonly clock: MovableClock;
  readonly server: ScriptedServer;
  readonly storage: GatedStorage;
  readonly client: ClientSubject;
  /** Connects and waits until the client is ready. */
  ready(): Promise<void>;
  /** Kills the client and opens the next one on the same storage. */
  restart(): Promise<ClientSubject>;
}

export function clientConformance(name: string, setup: ConformanceSetup): void {
  async function openBench(supportsHeaders = true): Promise<Bench> {
    const clock = setup.newClock();
    const random = setup.newRandom(setup.newSeed());
    const server = new ScriptedServer({ clock, supportsHeaders, latencyMs });
    const storage = new GatedStorage(new MemoryStorage());
    const { sockets, fetch } = server;
    const surroundings = { clock, random, sockets, fetch, baseUrl: "http://server.test", storage };
    server.addChat(chat, 0);
    const client = await setup.open(surroundings);
    return {
      clock,
      server,
      storage,
      client,
      ready: async () => {
        client.connect();
        await clock.runUntil(() => client.ready(), 60_000);
      },
      restart: async () => {
        client.kill();
        return setup.open(surroundings);
      },
    };
  }

  /** Runs the rule's test and, whatever it was about, looks at all frames once more. */
  function rule(title: string, run: (bench: Bench) => Promise<void>, supportsHeaders = true): void {
    test(title, async () => {
      const bench = await openBench(supportsHeaders);
      await run(bench);
      bench.client.kill();
      expectFaithful(bench.server);
    });
  }

  describe(`client contract: ${name}`, () => {
    connectorRules(rule);
    senderRules(rule);
    receiverRules(rule, setup);
    acknowledgerRules(rule);
    syncerRules(rule);
    errorRules(rule);
  });
}

type Rule = (title: string, run: (bench: Bench) => Promise<void>, supportsHeaders?: boolean) => void;

/** What must hold in every run. */
function expectFaithful(server: ScriptedServer): void {
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

function connectorRules(rule: Rule): void {
  rule("CL-01 authenticates by header, with nothing secret in the URL", async ({ server, ready }) => {
    await ready();
    const [upgrade] = server.upgrades;
    expect(upgrade?.headers["Authorization"]).toBe(`Bearer ${scriptedUser.accessToken}`);
    expect(upgrade?.url).not.toContain(scriptedUser.accessToken);
  });

  rule(
    "CL-01 authenticates by query where headers cannot be set",
    async ({ server, ready }) => {
      await ready();
      expect(new URL(server.upgrades[0]?.url ?? "").searchParams.get("token")).toBe(scriptedUser.accessToken);
    },
    false,
  );

  rule("CL-01 a refused token is refreshed once, then used", async ({ server, ready }) => {
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    await ready();
    expect(server.calls.filter((call) => call.path === "/auth/refresh").length).toBe(1);
  });

  rule("CL-02 puts device_id in the connection URL", async ({ server, ready }) => {
    await ready();
    const url = new URL(server.upgrades[0]?.url ?? "");
    expect(url.pathname).toBe("/ws/v1");
    expect(url.searchParams.get("device_id")).toBe(scriptedUser.deviceId);
  });

  rule("CL-03 sends nothing before connection_established, and gives up after 10 s", async (bench) => {
    const { clock, server, client } = bench;
    server.onUpgrade = () => "silence";
    client.connect();
    client.send(chat, "waits");
    await clock.advance(9_900);
    expect(server.upgrades.length).toBe(1);
    await clock.advance(5_000);
    expect(server.upgrades.length).toBeGreaterThan(1);
    expect(server.frames).toEqual([]);
  });

  rule(
    "CL-03 an upgrade that is never answered is given up after 10 s",
    async ({ clock, server, client }) => {
      server.onUpgrade = () => "hang";
      client.connect();
      await clock.advance(12_000);
      expect(server.upgrades.length).toBeGreaterThan(1);
    },
  );

  rule("CL-04 heartbeats at the announced interval, within a tenth", async ({ clock, server, ready }) => {
    server.heartbeatIntervalMs = 7000;
    await ready();
    await clock.advance(100_000);
    const times = server.framesOf("heartbeat").map((recorded) => recorded.atMs);
    expect(times.length).toBeGreaterThanOrEqual(13);
    for (const gap of gaps(times)) {
      expect(gap).toBeGreaterThanOrEqual(6300);
      expect(gap).toBeLessThanOrEqual(7700);
    }
  });

  rule("CL-04 heartbeats also while syncing", async ({ clock, server, client }) => {
    server.commit(chat, "missed");
    server.onFrame = (frame) => frame.type === "sync_request";
    client.connect();
    await clock.advance(9_000);
    expect(client.ready()).toBe(false);
    expect(server.framesOf("heartbeat").length).toBeGreaterThanOrEqual(1);
  });

  rule("CL-04 without heartbeat_ack for 10 s drops the link and reconnects", async (bench) => {
    const { clock, server, ready } = bench;
    await ready();
    server.onFrame = (frame) => frame.type === "heartbeat";
    await clock.advance(14_400);
    expect(server.upgrades.length).toBe(1);
    await clock.advance(3_000);
    expect(server.upgrades.length).toBe(2);
  });

  rule("CL-05 on connection_closing stops sending, closes, and comes back not too early", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.closing("server_shutdown", 5000, true);
    await clock.advance(latencyMs);
    const closingAtMs = clock.nowMs();
    client.send(chat, "for the next connection");
    await clock.advance(4_900);
    expect(server.connections[0]?.ended).toMatchObject({ by: "client", code: 1000 });
    expect(server.framesOf("send_message")).toEqual([]);
    expect(server.upgrades.length).toBe(1);
    await clock.runUntil(() => server.framesOf("send_message").length === 1, 3_000);
    expect(server.upgrades[1]?.atMs).toBeGreaterThanOrEqual(closingAtMs + 5000);
    expect(server.framesOf("send_message")[0]?.connection).toBe(1);
  });

  rule("CL-05 stays away when it may not come back", async ({ clock, server, client, ready }) => {
    await ready();
    server.closing("duplicate_connection", 0, false);
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("CL-05 an unknown reason is handled by reconnect_allowed", async ({ clock, server, ready }) => {
    await ready();
    server.closing("moon_in_the_seventh_house", 1000, true);
    await clock.advance(5_000);
    expect(server.upgrades.length).toBe(2);
  });

  rule("CL-06 backs off with full jitter up to 30 s, for as long as it takes", async (bench) => {
    const { clock, server, client } = bench;
    server.onUpgrade = () => 503;
    client.connect();
    await clock.advance(3_600_000);
    const waits = gaps(server.upgrades.map((upgrade) => upgrade.atMs)).map((gap) => gap - 2 * latencyMs);
    expect(waits.length).toBeGreaterThan(100);
    for (const [attempt, waitMs] of waits.entries()) {
      expect(waitMs).toBeLessThanOrEqual(Math.min(30_000, 1000 * 2 ** attempt) + latencyMs);
    }
    const late = waits.slice(5);
    // Uniform in [0, 30 s]: of a hundred draws some lie in each third.
    for (const third of [0, 1, 2]) {
      expect(late.some((waitMs) => Math.floor(waitMs / 10_001) === third)).toBe(true);
    }
    server.onUpgrade = () => "accept";
    await clock.runUntil(() => client.ready(), 31_000);
    server.connection.close(1006);
    await clock.advance(1_100);
    expect(server.connections.length, "the back-off starts over after a connection").toBe(2);
  });

  rule("CL-06 attempts that fail for no known reason lead to one question over REST", async (bench) => {
    const { clock, server, client } = bench;
    // As in a browser: the socket only says 1006.
    server.onUpgrade = () => ({ close: 1006 });
    server.onCall = (call) =>
      restError(401, call.path === "/auth/refresh" ? "INVALID_REFRESH_TOKEN" : "UNAUTHORIZED");
    client.connect();
    await clock.advance(600_000);
    expect(server.upgrades.length).toBeLessThanOrEqual(3);
    expect(client.status()).toBe("offline");
  });

  rule("CL-06 a refusal that cannot get better ends the attempts", async ({ clock, server, client }) => {
    server.onUpgrade = () => 403;
    client.connect();
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("CL-07 refreshes the token about 5 minutes early and reconnects with it", async (bench) => {
    const { clock, server, ready } = bench;
    // The first token's end is unknown; the refreshed one lives an hour.
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    await ready();
    const startMs = clock.nowMs();
    const refreshes = () => server.calls.filter((call) => call.path === "/auth/refresh");
    await clock.advance(3_600_000);
    expect(refreshes().length).toBe(2);
    expect((refreshes()[1]?.atMs ?? 0) - startMs).toBeLessThanOrEqual(3_600_000 - 4 * 60_000);
    expect((refreshes()[1]?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(3_600_000 - 7 * 60_000);
    expect(server.connection.index).toBe(1);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-3");
    expect(server.connections[0]?.ended).toMatchObject({ by: "client", code: 1000 });
  });

  rule("CL-07 after token_expired refreshes first", async ({ clock, server, client, ready }) => {
    await ready();
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    server.closing("token_expired", 0, true);
    server.connection.close(1008);
    await clock.advance(5_000);
    expect(client.ready()).toBe(true);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-2");
  });

  rule("CL-08 tells connected, reconnecting and offline apart", async ({ clock, server, client, ready }) => {
    expect(client.status()).toBe("offline");
    await ready();
    expect(client.status()).toBe("connected");
    server.onUpgrade = () => 503;
    server.connection.close(1006);
    await clock.advance(2_000);
    expect(client.status()).toBe("reconnecting");
    await client.disconnect();
    expect(client.status()).toBe("offline");
  });
}

function senderRules(rule: Rule): void {
  rule("MS-01 every message has a fresh UUID of version 4 or 7", async ({ clock, server, client, ready }) => {
    await ready();
    const ids = Array.from({ length: 20 }, () => client.send(chat, "same text").clientMessageId);
    await clock.advance(5_000);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(uuid47);
    expect(server.messages(chat).length).toBe(20);
  });

  rule("MS-02 keeps the id over silence, errors, a lost link and a restart", async (bench) => {
    const { clock, server, client, ready, restart } = bench;
    await ready();
    let sends = 0;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message") return false;
      sends++;
      if (sends === 1) return true;
      if (sends === 2) server.error(connection, frame.request_id, "SERVICE_UNAVAILABLE");
      else if (sends === 3) connection.close(1006);
      return true;
    };
    const { clientMessageId } = client.send(chat, "once");
    await clock.runUntil(() => sends >= 4, 120_000);
    const next = await restart();
    server.onFrame = () => false;
    next.connect();
    await clock.runUntil(() => server.messages(chat).length > 0, 60_000);
    await clock.advance(60_000);
    next.kill();
    const ids = server.framesOf("send_message").map(({ frame }) => frame.payload.client_message_id);
    expect(ids.length).toBeGreaterThanOrEqual(5);
    expect(new Set(ids)).toEqual(new Set([clientMessageId]));
    expect(server.messages(chat).length).toBe(1);
  });

  rule("MS-02 an ack that was lost with its link leads to one message", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    let lost = false;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || lost) return false;
      lost = true;
      server.store(frame);
      connection.close(1006);
      return true;
    };
    const sent = client.send(chat, "once");
    await clock.runUntil(() => sent.outcome() === "acked", 60_000);
    expect(server.messages(chat).length).toBe(1);
    expect(client.shown(chat)).toEqual([1]);
  });

  rule("MS-03 every send and sync has a request_id of its own", async ({ clock, server, client, ready }) => {
    server.addChat("chat_B", 700);
    await ready();
    for (let count = 0; count < 5; count++) client.send(chat, `message ${count}`);
    await clock.advance(2_000);
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 60_000);
    const ids = server.frames.flatMap(({ frame }) =>
      frame.type === "send_message" || frame.type === "sync_request" ? [frame.request_id] : [],
    );
    expect(ids.length).toBeGreaterThanOrEqual(9);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z_-]{1,36}$/);
  });

  rule("MS-04 nothing is sent that local storage does not have yet", async (bench) => {
    const { clock, server, client, storage, ready, restart } = bench;
    await ready();
    storage.hold();
    const { clientMessageId } = client.send(chat, "kept");
    await clock.advance(3_000);
    expect(server.framesOf("send_message")).toEqual([]);
    storage.release();
    server.onFrame = (frame) => frame.type === "send_message";
    await clock.advance(1_000);
    expect(server.framesOf("send_message").length).toBe(1);
    const next = await restart();
    server.onFrame = () => false;
    next.connect();
    await clock.runUntil(() => server.messages(chat).length === 1, 60_000);
    expect(server.framesOf("send_message").at(-1)?.frame.payload.client_message_id).toBe(clientMessageId);
    await clock.advance(1_000);
    next.kill();
  });

  rule("MS-05 an id is never used for another message", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || frame.payload.content !== "refused") return false;
      server.error(connection, frame.request_id, "INVALID_CONTENT");
      return true;
    };
    const refused = client.send(chat, "refused");
    await clock.runUntil(() => refused.outcome() === "INVALID_CONTENT", 5_000);
    const next = client.send(chat, "accepted");
    await clock.runUntil(() => next.outcome() === "acked", 5_000);
    expect(next.clientMessageId).not.toBe(refused.clientMessageId);
  });

  rule("MS-06 refuses content outside 1 to 4096 bytes before sending", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    expect(() => client.send(chat, "")).toThrow();
    expect(() => client.send(chat, "a".repeat(4097))).toThrow("4097");
    expect(() => client.send(chat, "é".repeat(2049))).toThrow("4098");
    client.send(chat, "é".repeat(2048));
    await clock.advance(1_000);
    expect(server.framesOf("send_message").length).toBe(1);
    expect(server.messages(chat)[0]?.content).toBe("é".repeat(2048));
  });

  rule("MS-07 keeps what is sent while offline, connecting and syncing, in order", async (bench) => {
    const { clock, server, client } = bench;
    server.commit(chat, "missed");
    let answer = (): void => undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      answer = () => server.answer(frame, connection);
      return true;
    };
    client.send(chat, "offline");
    client.connect();
    client.send(chat, "connecting");
    await clock.advance(1_000);
    client.send(chat, "syncing");
    await clock.advance(1_000);
    expect(server.framesOf("send_message")).toEqual([]);
    answer();
    await clock.advance(1_000);
    expect(server.messages(chat).map((message) => message.content)).toEqual([
      "missed",
      "offline",
      "connecting",
      "syncing",
    ]);
  });
}

function receiverRules(rule: Rule, setup: ConformanceSetup): void {
  rule("MR-01 shows messages by sequence, not by arrival", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "sync_request";
    const [first, second, third] = commit(server, 3);
    for (const message of [third, first, second]) {
      if (message !== undefined) server.push(message);
    }
    await clock.advance(100);
    expect(client.shown(chat)).toEqual([1, 2, 3]);
  });

  rule("MR-02 shows a message once, however often it comes", async ({ clock, server, client, ready }) => {
    await ready();
    const [message] = commit(server, 1);
    if (message === undefined) throw new Error("no message");
    for (let count = 0; count < 5; count++) server.push(message);
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 10_000);
    server.push(message);
    await clock.advance(100);
    expect(client.shown(chat)).toEqual([1]);
  });

  rule(
    "MR-02 an own message that is pushed, too, is shown once",
    async ({ clock, server, client, ready }) => {
      await ready();
      server.onFrame = (frame, connection) => {
        if (frame.type !== "send_message") return false;
        const message = server.store(frame);
        if (message !== undefined) server.push(message);
        server.answer(frame, connection);
        if (message !== undefined) server.push(message);
        return true;
      };
      client.send(chat, "mine");
      await clock.advance(1_000);
      expect(client.shown(chat)).toEqual([1]);
    },
  );

  rule("MR-03 a hole does not hold back what came after it", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "sync_request";
    const messages = commit(server, 4);
    for (const index of [0, 3]) server.push(messages[index] as (typeof messages)[number]);
    await clock.advance(100);
    expect(client.shown(chat)).toEqual([1, 4]);
  });

  test("MR-04 any order, repetition and loss of pushes and links ends in the same timeline", async () => {
    for (let round = 0; round < 20; round++) await randomReception(setup, setup.newSeed());
  });

  rule("MR-05 asks for a hole at once, from the cursor, one request at a time", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    const before = server.framesOf("sync_request").length;
    const held: (() => void)[] = [];
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      held.push(() => server.answer(frame, connection));
      return true;
    };
    const messages = commit(server, 9);
    for (const index of [0, 1, 4, 6, 8]) server.push(messages[index] as (typeof messages)[number]);
    await clock.advance(2 * latencyMs);
    const asked = server.framesOf("sync_request").slice(before);
    expect(asked.map(({ frame }) => frame.payload.last_acked_sequence)).toEqual([2]);
    held[0]?.();
    await clock.advance(2 * latencyMs);
    expect(client.shown(chat)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  rule("MR-05 a hole in the answer itself is reported and does not loop", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    const messages = commit(server, 4);
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      connection.send({
        type: "sync_response",
        request_id: frame.request_id,
        timestamp: "2026-01-31T10:00:00.000Z",
        payload: { chat_id: chat, messages: [messages[0], messages[3]], has_more: false },
      });
      return true;
    };
    const before = server.framesOf("sync_request").length;
    server.push(messages[3] as (typeof messages)[number]);
    await clock.advance(60_000);
    expect(server.framesOf("sync_request").length - before).toBeLessThanOrEqual(2);
    expect(client.shown(chat)).toEqual([1, 4]);
    expect(client.logged().length).toBeGreaterThanOrEqual(1);
  });
}

/** Pushes in random order, repeated and lost, links cut; at the end the client shows what the server has. */
async function randomReception(setup: ConformanceSetup, seed: number): Promise<void> {
  const random = setup.newRandom(seed);
  const below = (bound: number): number => Math.floor(random.float() * bound);
  const clock = setup.newClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs });
  server.addChat(chat, below(20));
  const storage = new MemoryStorage();
  const { sockets, fetch } = server;
  const client = await setup.open({
    clock,
    random: setup.newRandom(seed + 1),
    sockets,
    fetch,
    baseUrl: "http://server.test",
    storage,
  });
  client.connect();
  await clock.runUntil(() => client.ready(), 60_000);
  for (let action = 0; action < 60; action++) {
    const roll = below(10);
    const known = server.messages(chat);
    if (roll < 5) {
      const message = server.commit(chat, `by another ${action}`);
      if (below(3) > 0 && server.connection.ended === undefined) server.push(message);
    } else if (roll < 7 && known.length > 0) {
      const message = known[below(known.length)];
      if (message !== undefined) server.push(message);
    } else if (roll < 9) {
      client.send(chat, `own ${action}`);
    } else {
      server.connection.close(1006);
    }
    if (below(2) === 0) await clock.advance(below(3000));
  }
  // The lost push of the last message shows with the next reconnect.
  await clock.advance(15_000);
  server.connection.close(1006);
  await clock.advance(120_000);
  const sequences = server.messages(chat).map((message) => message.sequence);
  expect(client.shown(chat), `seed ${seed}`).toEqual(sequences);
  expect(server.watermark(chat), `seed ${seed}`).toBe(sequences.length);
  client.kill();
  expectFaithful(server);
}

function acknowledgerRules(rule: Rule): void {
  rule("AK-01 acknowledges cumulatively, never past a hole", async ({ clock, server, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "sync_request";
    const messages = commit(server, 6);
    for (const index of [0, 1, 2, 4, 5]) server.push(messages[index] as (typeof messages)[number]);
    await clock.advance(6_000);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-02 one ack for many messages", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 9)) server.push(message);
    await clock.advance(20_000);
    expect(acks(server)).toEqual([9]);
  });

  rule("AK-03 no ack before local storage has the messages", async ({ clock, server, storage, ready }) => {
    await ready();
    storage.hold();
    for (const message of commit(server, 12)) server.push(message);
    await clock.advance(20_000);
    expect(acks(server)).toEqual([]);
    storage.release();
    await clock.advance(6_000);
    expect(acks(server).at(-1)).toBe(12);
  });

  rule("AK-03 storage that fails is no storage", async ({ clock, server, storage, client, ready }) => {
    await ready();
    storage.failNext(3);
    for (const message of commit(server, 2)) server.push(message);
    await clock.advance(100);
    expect(client.shown(chat)).toEqual([1, 2]);
    await clock.runUntil(() => server.watermark(chat) === 2, 60_000);
    expect(client.logged().length).toBeGreaterThanOrEqual(3);
  });

  rule("AK-04 flushes acks before it closes", async ({ clock, server, client, ready }) => {
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    await clock.advance(100);
    expect(acks(server)).toEqual([]);
    const disconnected = client.disconnect();
    await clock.advance(1_000);
    await disconnected;
    expect(acks(server)).toEqual([3]);
    expect(server.connection.ended).toMatchObject({ by: "client", code: 1000 });
  });

  rule("AK-04 flushes acks on connection_closing", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    server.closing("server_shutdown", 60_000, true);
    await clock.advance(1_000);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-05 keeps one position per chat", async ({ clock, server, ready }) => {
    server.addChat("chat_B", 0);
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    for (const message of commit(server, 2, "chat_B")) server.push(message);
    await clock.advance(6_000);
    expect([server.watermark(chat), server.watermark("chat_B")]).toEqual([3, 2]);
    expect(server.framesOf("ack").length).toBe(2);
  });

  rule("AK-06 acknowledges after 10 messages at once, else after 5 s", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 10)) server.push(message);
    await clock.advance(3 * latencyMs);
    expect(acks(server)).toEqual([10]);
    const message = server.commitAndPush(chat, "one more");
    await clock.advance(4_900);
    expect(acks(server)).toEqual([10]);
    await clock.advance(200);
    expect(acks(server)).toEqual([10, message.sequence]);
  });

  rule("AK-05 an ack that was lost with its link is told again", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "ack";
    for (const message of commit(server, 3)) server.push(message);
    await clock.advance(6_000);
    expect([acks(server), server.watermark(chat)]).toEqual([[3], 0]);
    server.onFrame = () => false;
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 10_000);
    await clock.advance(6_000);
    expect(server.watermark(chat)).toBe(3);
  });

  rule("AK-06 acknowledges at once after a sync", async ({ clock, server, ready }) => {
    for (let count = 0; count < 3; count++) server.commit(chat, "missed");
    await ready();
    await clock.advance(3 * latencyMs);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-06 own messages count as received once they are acknowledged", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    const sent = client.send(chat, "mine");
    await clock.runUntil(() => sent.outcome() === "acked", 1_000);
    await clock.advance(5_100);
    expect(server.watermark(chat)).toBe(1);
  });
}

function syncerRules(rule: Rule): void {
  rule("RS-01 syncs all chats after a reconnect", async ({ clock, server, client, ready }) => {
    server.addChat("chat_B", 1);
    await ready();
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 10_000);
    const synced = server
      .framesOf("sync_request")
      .filter((recorded) => recorded.connection === 1)
      .map(({ frame }) => frame.payload.chat_id);
    expect(new Set(synced)).toEqual(new Set([chat, "chat_B"]));
  });

  rule("RS-01 misses nothing that was said while it was away, over many pages", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.connection.close(1006);
    for (let count = 0; count < 1203; count++) server.commit(chat, "missed");
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      // A server may cut a page short of what was asked for.
      const { payload } = frame;
      server.answer(
        { ...frame, payload: { ...payload, limit: Math.min(payload.limit ?? 100, 300) } },
        connection,
      );
      return true;
    };
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 30_000);
    await clock.advance(1_000);
    expect(server.watermark(chat)).toBe(1203);
  });

  rule("RS-01 pushes that come while syncing take their place behind the pages", async (bench) => {
    const { clock, server, client } = bench;
    for (let count = 0; count < 5; count++) server.commit(chat, "missed");
    let held: (() => void) | undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request" || held !== undefined) return false;
      held = () => server.answer(frame, connection);
      return true;
    };
    client.connect();
    await clock.advance(500);
    server.commitAndPush(chat, "live");
    await clock.advance(500);
    expect(client.shown(chat)).toEqual([]);
    held?.();
    await clock.advance(500);
    expect(client.shown(chat)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  rule("RS-01 more pushes than fit while syncing are fetched instead", async ({ clock, server, client }) => {
    const { chat_id: _, ...missed } = server.commit(chat, "missed");
    let held: (() => void) | undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request" || held !== undefined) return false;
      // Read before the rest was committed, answered after it was pushed.
      held = () =>
        connection.send({
          type: "sync_response",
          request_id: frame.request_id,
          timestamp: missed.created_at,
          payload: { chat_id: chat, messages: [missed], has_more: false },
        });
      return true;
    };
    client.connect();
    await clock.advance(500);
    for (const message of commit(server, 2500)) server.push(message);
    await clock.advance(500);
    held?.();
    await clock.runUntil(() => server.watermark(chat) === 2501, 20_000);
  });

  rule("RS-02 the cursor is the local one, not the server's", async ({ clock, server, ready, restart }) => {
    for (let count = 0; count < 4; count++) server.commit(chat, "seen");
    await ready();
    await clock.advance(1_000);
    server.commit(chat, "missed here");
    // Another device of the user has acknowledged more.
    server.answer({ type: "ack", payload: { chat_id: chat, last_acked_sequence: 5 } }, server.connection);
    const before = server.framesOf("sync_request").length;
    const next = await restart();
    next.connect();
    await clock.runUntil(() => next.ready(), 10_000);
    const [request] = server.framesOf("sync_request").slice(before);
    expect(request?.frame.payload.last_acked_sequence).toBe(4);
    next.kill();
  });

  rule("RS-03 reconnects and syncs after slow_consumer", async ({ clock, server, client, ready }) => {
    await ready();
    server.error(server.connection, undefined, "SLOW_CONSUMER", {
      buffer_size: 960,
      buffer_limit: 1000,
      grace_period: 5,
    });
    commit(server, 3);
    server.closing("slow_consumer", 0, true);
    server.connection.close(1008);
    await clock.runUntil(() => client.shown(chat).length === 3, 20_000);
    expect(server.connections.length).toBe(2);
  });

  rule("RS-03 a bare 1006 is treated the same", async ({ clock, server, client, ready }) => {
    await ready();
    commit(server, 3);
    server.connection.close(1006);
    await clock.runUntil(() => client.shown(chat).length === 3, 20_000);
  });

  for (const code of ["NOT_A_MEMBER", "FORBIDDEN"] as const) {
    rule(`RS-04 never repeats a sync that was refused with ${code}`, async ({ clock, server, client }) => {
      let refused = 0;
      server.onFrame = (frame, connection) => {
        if (frame.type !== "sync_request") return false;
        refused++;
        server.error(connection, frame.request_id, code);
        return true;
      };
      commit(server, 1);
      client.connect();
      await clock.runUntil(() => client.ready(), 10_000);
      await clock.advance(120_000);
      expect(refused).toBe(1);
    });

    rule(`RS-04 never repeats a send that was refused with ${code}`, async (bench) => {
      const { clock, server, client, ready } = bench;
      await ready();
      server.onFrame = (frame, connection) => {
        if (frame.type !== "send_message") return false;
        server.error(connection, frame.request_id, code);
        return true;
      };
      const sent = client.send(chat, "no");
      await clock.advance(120_000);
      expect(sent.outcome()).toBe(code);
      expect(server.framesOf("send_message").length).toBe(1);
    });
  }

  rule("RS-05 syncs in parallel, at most 5 at once and 5 in a second", async ({ clock, server, client }) => {
    for (let count = 0; count < 14; count++) server.addChat(`chat_N${count}`, 2);
    let open = 0;
    let most = 0;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      open++;
      most = Math.max(most, open);
      clock.setTimer(2500, () => {
        open--;
        server.answer(frame, connection);
      });
      return true;
    };
    client.connect();
    await clock.runUntil(() => client.ready(), 30_000);
    expect(most).toBe(protocolLimits.syncsInFlightMax);
    const times = server.framesOf("sync_request").map((recorded) => recorded.atMs);
    expect(times.length).toBeGreaterThanOrEqual(14);
    for (const [index, atMs] of times.entries()) {
      const sixth = times[index + 5];
      if (sixth !== undefined) expect(sixth - atMs).toBeGreaterThan(1000);
    }
    for (let count = 0; count < 14; count++) expect(client.shown(`chat_N${count}`)).toEqual([1, 2]);
  });

  rule(
    "RS-05 with a thousand chats only those that lag are synced",
    async ({ clock, server, client, ready }) => {
      for (let count = 0; count < 1000; count++) server.addChat(`chat_M${count}`, 0);
      await ready();
      server.connection.close(1006);
      server.commit("chat_M7", "missed");
      server.commit("chat_M700", "missed");
      await clock.runUntil(() => client.ready() && server.connections.length === 2, 5_000);
      expect(client.shown("chat_M700")).toEqual([1]);
      const again = server.framesOf("sync_request").filter((recorded) => recorded.connection === 1);
      expect(again.map(({ frame }) => frame.payload.chat_id).sort()).toEqual(["chat_M7", "chat_M700"]);
    },
  );
}

function errorRules(rule: Rule): void {
  for (const [code, { retry }] of Object.entries(socketErrorCodes)) {
    if (retry === "never") {
      rule(`EH-01 ${code} fails the message at once`, async ({ clock, server, client, ready }) => {
        await ready();
        server.onFrame = refuseSends(server, code);
        const sent = client.send(chat, "refused");
        const next = client.send(chat, "next");
        await clock.advance(60_000);
        expect([sent.outcome(), next.outcome()]).toEqual([code, code]);
        expect(server.framesOf("send_message").length).toBe(2);
      });
    } else {
      rule(`EH-01 ${code} is met with another attempt`, async ({ clock, server, client, ready }) => {
        await ready();
        let refusals = 0;
        server.onFrame = (frame, connection) => {
          if (frame.type !== "send_message" || refusals >= 2) return false;
          refusals++;
          server.error(connection, frame.request_id, code, { retry_after_seconds: 3 });
          return true;
        };
        const sent = client.send(chat, "in the end");
        await clock.runUntil(() => sent.outcome() !== undefined, 120_000);
        expect(sent.outcome()).toBe("acked");
        expect(server.messages(chat).length).toBe(1);
      });
    }
  }

  rule("EH-01 RATE_LIMITED waits as long as it is told", async ({ clock, server, client, ready }) => {
    await ready();
    let refused = false;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || refused) return false;
      refused = true;
      server.error(connection, frame.request_id, "RATE_LIMITED", { retry_after_seconds: 7 });
      return true;
    };
    client.send(chat, "first");
    client.send(chat, "second");
    await clock.runUntil(() => server.messages(chat).length === 2, 30_000);
    const times = server.framesOf("send_message").map((recorded) => recorded.atMs);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(7000);
    expect(server.messages(chat).map((message) => message.content)).toEqual(["first", "second"]);
  });

  rule(
    "EH-01 INTERNAL_ERROR fails the message after 3 attempts",
    async ({ clock, server, client, ready }) => {
      await ready();
      server.onFrame = refuseSends(server, "INTERNAL_ERROR");
      const sent = client.send(chat, "never");
      await clock.advance(120_000);
      expect(sent.outcome()).toBe("INTERNAL_ERROR");
      expect(server.framesOf("send_message").length).toBe(3);
    },
  );

  rule("EH-01 a code of the future counts as INTERNAL_ERROR", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = refuseSends(server, "QUOTA_OF_TOMORROW");
    const sent = client.send(chat, "never");
    await clock.advance(120_000);
    expect(sent.outcome()).toBe("QUOTA_OF_TOMORROW");
    expect(server.framesOf("send_message").length).toBe(3);
  });

  rule("EH-01 UNAUTHORIZED is met with a new token and a new connection", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.onCall = (call) =>
      call.path === "/users/me" && call.headers["Authorization"] === `Bearer ${scriptedUser.accessToken}`
        ? restError(401, "UNAUTHORIZED")
        : undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || connection.index > 0) return false;
      server.error(connection, frame.request_id, "UNAUTHORIZED");
      return true;
    };
    const sent = client.send(chat, "with the next token");
    await clock.runUntil(() => sent.outcome() === "acked", 30_000);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-2");
  });

  rule("EH-01 session_revoked ends the session: no reconnect", async ({ clock, server, client, ready }) => {
    await ready();
    server.closing("session_revoked", 0, false);
    server.connection.close(1008);
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("EH-02 logs unknown and malformed frames and goes on", async ({ clock, server, client, ready }) => {
    await ready();
    server.connection.send({ type: "message_reaction", payload: { emoji: "heart" } });
    server.connection.sendText("not json");
    server.connection.sendText('"a string"');
    server.connection.send({ type: "message" });
    server.commitAndPush(chat, "after all that");
    await clock.advance(100);
    expect(client.logged()).toContain("message_reaction");
    expect(client.logged().length).toBeGreaterThanOrEqual(4);
    expect(client.shown(chat)).toEqual([1]);
    expect(server.connections.length).toBe(1);
  });

  rule("EH-03 a refusal is no memory: the next send is tried", async ({ clock, server, client, ready }) => {
    await ready();
    server.removeChat(chat);
    const refused = client.send(chat, "not a member");
    await clock.runUntil(() => refused.outcome() === "NOT_A_MEMBER", 5_000);
    server.addChat(chat, 0);
    const sent = client.send(chat, "a member again");
    await clock.runUntil(() => sent.outcome() === "acked", 5_000);
  });

  rule("EH-04 SERVICE_UNAVAILABLE is retried with back-off for as long as it takes", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.onFrame = refuseSends(server, "SERVICE_UNAVAILABLE");
    const sent = client.send(chat, "patient");
    await clock.advance(20 * 60_000);
    expect(sent.outcome()).toBeUndefined();
    const waits = gaps(server.framesOf("send_message").map((recorded) => recorded.atMs));
    expect(waits.length).toBeGreaterThan(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000 + 3 * latencyMs);
    server.onFrame = () => false;
    await clock.runUntil(() => sent.outcome() === "acked", 31_000);
  });

  rule("EH-05 measures and reports round trips", async ({ clock, server, client, ready }) => {
    await ready();
    await clock.advance(11_000);
    expect(server.framesOf("heartbeat").length).toBeGreaterThanOrEqual(2);
    expect(client.roundTrips().length).toBeGreaterThanOrEqual(2);
    for (const roundTripMs of client.roundTrips()) expect(roundTripMs).toBe(2 * latencyMs);
  });
}

function refuseSends(server: ScriptedServer, code: string): ScriptedServer["onFrame"] {
  return (frame, connection) => {
    if (frame.type !== "send_message") return false;
    server.error(connection, (frame as FrameOf<"send_message">).request_id, code);
    return true;
  };
}

function commit(server: ScriptedServer, count: number, chatId = chat) {
  return Array.from({ length: count }, (_, index) => server.commit(chatId, `message ${index + 1}`));
}

function acks(server: ScriptedServer): readonly number[] {
  return server.framesOf("ack").map(({ frame }) => frame.payload.last_acked_sequence);
}

function gaps(times: readonly number[]): readonly number[] {
  return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
}
