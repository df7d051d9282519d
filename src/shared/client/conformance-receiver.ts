/** MR-01 to MR-05: showing what arrives. */
import { expect, test } from "bun:test";
import {
  type ConformanceSetup,
  chat,
  commit,
  expectFaithful,
  latencyMs,
  type Rule,
} from "./conformance-bench.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";

export function receiverRules(rule: Rule, setup: ConformanceSetup): void {
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
