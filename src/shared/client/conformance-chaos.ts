/** All rules together: crashes, failing storage, lost answers, dead links and refusals in random order. */
import { expect, test } from "bun:test";
import {
  type ClientSubject,
  type ConformanceSetup,
  chat,
  expectFaithful,
  latencyMs,
  type Surroundings,
} from "./conformance-bench.ts";
import { GatedStorage } from "./gated-storage.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";

const rounds = 15;
const actions = 60;

export function chaosRules(setup: ConformanceSetup): void {
  test("MS-02, MS-04, MR-02, AK-03 hold over crashes and faults in any order", async () => {
    for (let round = 0; round < rounds; round++) await chaos(setup, setup.newSeed());
  });
}

async function chaos(setup: ConformanceSetup, seed: number): Promise<void> {
  const random = setup.newRandom(seed);
  const below = (bound: number): number => Math.floor(random.float() * bound);
  const clock = setup.newClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs });
  server.addChat(chat, below(5));
  const storage = new GatedStorage(new MemoryStorage());
  const { sockets, fetch } = server;
  const clientRandom = setup.newRandom(seed + 1);
  const surroundings: Surroundings = {
    clock,
    random: clientRandom,
    sockets,
    fetch,
    baseUrl: "http://server.test",
    storage,
  };
  let troubled = true;
  server.onUpgrade = () => (troubled && below(5) === 0 ? 503 : "accept");
  server.onCall = () => (troubled && below(6) === 0 ? "lost" : undefined);
  server.onFrame = (frame, connection) => {
    if (!troubled) return false;
    const roll = below(20);
    if (frame.type === "send_message" && roll < 6) {
      // Stored or not, the client never hears of it; or it hears a refusal that is none.
      if (roll < 3) server.store(frame);
      if (roll === 4) server.error(connection, frame.request_id, "SERVICE_UNAVAILABLE");
      if (roll === 5) connection.cut();
      return true;
    }
    return (frame.type === "sync_request" || frame.type === "ack") && roll < 2;
  };
  let client: ClientSubject = await setup.open(surroundings);
  client.connect();
  const accepted = new Set<string>();
  for (let action = 0; action < actions; action++) {
    const roll = below(20);
    if (roll < 6) {
      const message = server.commit(chat, `theirs ${action}`);
      if (below(3) > 0 && server.connections.length > 0) server.push(message);
    } else if (roll < 12) {
      accepted.add(client.send(chat, `mine ${action}`).clientMessageId);
    } else if (roll < 14) {
      server.connections.at(-1)?.close(1006);
    } else if (roll < 15) {
      storage.failNext(1 + below(3));
    } else if (roll < 16) {
      // What was accepted is in storage once that works again.
      storage.failNext(0);
      await clock.advance(60_000);
      client.kill();
      client = await setup.open(surroundings);
      client.connect();
    }
    await clock.advance(below(3) === 0 ? below(20_000) : below(300));
  }
  troubled = false;
  storage.failNext(0);
  await clock.advance(120_000);
  // A restart at the end: what the server was told is stored here, is.
  client.kill();
  client = await setup.open(surroundings);
  const told = server.watermark(chat);
  client.connect();
  await clock.runUntil(() => client.ready(), 60_000);
  await clock.advance(700_000);
  const asked = server
    .framesOf("sync_request")
    .filter(({ connection }) => connection === server.connection.index);
  for (const { frame } of asked) {
    expect(frame.payload.last_acked_sequence, `seed ${seed}: the cursor`).toBeGreaterThanOrEqual(told);
  }
  const contents = server.messages(chat).map((message) => message.content);
  expect(new Set(contents).size, `seed ${seed}: each message once`).toBe(contents.length);
  const mine = contents.filter((content) => content.startsWith("mine")).length;
  expect(mine, `seed ${seed}: every accepted message`).toBe(accepted.size);
  expect(server.watermark(chat), `seed ${seed}: everything is acknowledged`).toBe(contents.length);
  client.kill();
  expectFaithful(server);
}
