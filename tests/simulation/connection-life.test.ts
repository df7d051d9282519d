/**
 * Goal: connections end when they must, to the millisecond, and never without a reason frame.
 * Method: bare connections to the whole system on a virtual clock; times are those that the server wrote.
 */
import { describe, expect, test } from "bun:test";
import type { SeededUser } from "../../src/chatmgmt/seed.ts";
import { numberedUuid, RawClient } from "./raw-client.ts";
import { SimulatedWorld } from "./simulated-world.ts";

const hourMs = 3_600_000;
const calm = { limitSends: true, sendsInFlightPerChat: 1, clockErrorMs: 0 };

async function open(
  users: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<{
  world: SimulatedWorld;
  seeded: readonly [SeededUser, SeededUser, ...SeededUser[]];
  chatId: string;
}> {
  const world = new SimulatedWorld({ seed: 1, environment });
  const seeded = (await world.seedUsers({ users, chats: 1, members: users })) as unknown as [
    SeededUser,
    SeededUser,
    ...SeededUser[],
  ];
  await world.startProcess();
  return { world, seeded, chatId: world.chatIds[0] ?? "" };
}

describe("silence", () => {
  test("a connection that says nothing is closed as idle_timeout after exactly 15 s", async () => {
    const { world, seeded } = await open(2);
    await using _ = world;
    const client = await RawClient.connect(world, seeded[0]);
    await world.clock.runUntil(() => client.closed !== undefined, 30_000);
    expect(client.timeOf("connection_closing") - client.timeOf("connection_established")).toBe(15_000);
    expect(client.of("connection_closing")[0]?.payload).toMatchObject({
      reason: "idle_timeout",
      reconnect_allowed: true,
    });
    expect(client.closed).toMatchObject({ code: 1001, reason: "idle_timeout" });
  });

  test("heartbeats keep it for an hour; 15 s after the last one it ends", async () => {
    const { world, seeded } = await open(2);
    await using _ = world;
    const client = await RawClient.connect(world, seeded[0]);
    client.keepAlive(5000);
    await world.clock.advance(50 * 60_000);
    expect(client.closed).toBeUndefined();
    client.stopHeartbeats();
    await world.clock.runUntil(() => client.closed !== undefined, 30_000);
    const lastAnswer = client.of("heartbeat_ack").at(-1);
    expect(client.timeOf("connection_closing") - Date.parse(lastAnswer?.timestamp ?? "")).toBe(15_000);
  });
});

describe("tokens and sessions", () => {
  test("AUTH-15: at exactly exp the open connection is told token_expired; the client refreshes and misses nothing", async () => {
    const { world, seeded, chatId } = await open(2, { AUTH_ACCESS_TOKEN_TTL_SECONDS: "300" });
    await using _ = world;
    const raw = await RawClient.connect(world, seeded[1]);
    raw.keepAlive(5000);
    // A device whose clock is slow sees no need to refresh in time.
    await world.enter(seeded.slice(0, 1), () => ({ ...calm, clockErrorMs: -hourMs }));
    const [installation] = world.installations;
    if (installation === undefined) throw new Error("nobody entered");
    const closings: string[] = [];
    installation.client.on("closing", ({ reason }) => closings.push(reason));
    const issuedAtMs = raw.timeOf("connection_established");
    await world.clock.runUntil(() => raw.closed !== undefined, 400_000);
    const expiresAtMs = raw.timeOf("connection_closing");
    expect(expiresAtMs % 1000).toBe(0);
    expect(expiresAtMs - issuedAtMs).toBeLessThanOrEqual(300_000);
    expect(expiresAtMs - issuedAtMs).toBeGreaterThan(299_000);
    expect(raw.closed).toMatchObject({ code: 1008, reason: "token_expired" });

    await world.clock.advance(100);
    expect(closings).toEqual(["token_expired"]);
    raw.sendMessage(chatId, numberedUuid(1), "into the void");
    await world.clock.runUntil(() => installation.client.state === "Ready", 60_000);
    installation.client.send(chatId, "after the refresh");
    await world.settle();
    expect(world.check({}).violations).toEqual([]);
  });

  test("a session that is ended elsewhere loses its open connection at once", async () => {
    const { world, seeded } = await open(2);
    await using _ = world;
    await world.enter(seeded.slice(0, 1), () => calm);
    const second = world.addInstallation({
      name: "client_1_phone",
      address: "10.0.1.1",
      phoneNumber: seeded[0].phone_number,
      limitSends: true,
      sendsInFlightPerChat: 1,
      clockErrorMs: undefined,
    });
    await world.drive(second.startWithLogin(seeded[0].user_id), 60_000);
    second.connect();
    await world.clock.runUntil(() => second.client.state === "Ready", 10_000);
    const [first] = world.installations;
    if (first === undefined) throw new Error("nobody entered");
    let toldAtMs: number | undefined;
    second.client.on("closing", ({ reason, reconnectAllowed }) => {
      expect([reason, reconnectAllowed]).toEqual(["session_revoked", false]);
      toldAtMs = world.clock.monotonicMs();
    });
    const sessions = await world.drive(first.client.rest.sessions(), 10_000);
    const other = sessions.find(({ is_current }) => !is_current);
    await world.drive(first.client.rest.deleteSession(other?.session_id ?? ""), 10_000);
    const answeredAtMs = world.clock.monotonicMs();
    await world.clock.advance(100);
    expect(toldAtMs).toBeDefined();
    expect((toldAtMs ?? 0) - answeredAtMs).toBeLessThan(60);
    expect(first.client.state).toBe("Ready");
  });

  test("a second connection of a device ends the first as duplicate_connection, which must not come back", async () => {
    const { world, seeded } = await open(2);
    await using _ = world;
    const first = await RawClient.connect(world, seeded[0]);
    const second = await RawClient.connect(world, seeded[0]);
    await world.clock.runUntil(() => first.closed !== undefined, 1000);
    expect(first.of("connection_closing")[0]?.payload).toMatchObject({
      reason: "duplicate_connection",
      reconnect_allowed: false,
    });
    expect(first.closed).toMatchObject({ code: 1008, reason: "duplicate_connection" });
    expect(second.closed).toBeUndefined();
    expect(world.process.system.gateway.connections).toBe(1);
  });

  test("a connection is asked to move on within 24 h, not before 21.6 h", async () => {
    const { world, seeded } = await open(2, { LIMITS_UPGRADES_PER_IP_MINUTE: "1000" });
    await using _ = world;
    const access_token = await world.freshToken(seeded[0].access_token, 48 * 3600);
    const client = await RawClient.connect(world, { device_id: seeded[0].device_id, access_token });
    client.keepAlive(14_000);
    await world.clock.advance(21.59 * hourMs);
    expect(client.closed).toBeUndefined();
    await world.clock.runUntil(() => client.closed !== undefined, 2.5 * hourMs);
    const livedMs = client.timeOf("connection_closing") - client.timeOf("connection_established");
    expect(livedMs).toBeLessThanOrEqual(24 * hourMs);
    expect(livedMs).toBeGreaterThanOrEqual(21.6 * hourMs);
    expect(client.of("connection_closing")[0]?.payload).toMatchObject({
      reason: "server_shutdown",
      reconnect_allowed: true,
    });
  }, 60_000);
});

describe("a reader that is too slow", () => {
  const bounds = { GATEWAY_BACKPRESSURE_OUTBOUND_MAX_BUFFER_MESSAGES: "20", RATE_LIMITS_ENABLED: "false" };

  /** Sends one message after the other until it is enough. */
  async function fill(
    enough: (sent: number, slow: RawClient) => boolean,
  ): Promise<{ world: SimulatedWorld; slow: RawClient; sender: RawClient }> {
    const { world, seeded, chatId } = await open(2, bounds);
    world.network.receiveWindowBytes = 500;
    const sender = await RawClient.connect(world, seeded[0]);
    const slow = await RawClient.connect(world, seeded[1]);
    sender.keepAlive(5000);
    slow.keepAlive(5000);
    slow.link.readEvery(undefined);
    for (let number = 1; !enough(number - 1, slow); number += 1) {
      sender.sendMessage(chatId, numberedUuid(number), `message ${number}`);
      await world.clock.advance(50);
    }
    return { world, slow, sender };
  }

  test("is told SLOW_CONSUMER, and 5 s later closed with 1008, nothing being lost in between", async () => {
    const { world, slow, sender } = await fill((sent, reader) => {
      // It reads a little, so that the warning gets through.
      reader.link.readEvery(1000);
      return sent === 60;
    });
    await using _ = world;
    await world.clock.advance(10_000);
    expect(world.faults.of("closed_slow_consumer")).toBe(1);
    expect(sender.of("send_message_ack")).toHaveLength(60);
    slow.link.readEvery(0);
    await world.clock.runUntil(() => slow.closed !== undefined, 10_000);
    const [warning] = slow.of("error");
    expect(warning?.payload).toMatchObject({ code: "SLOW_CONSUMER", details: { grace_period: 5 } });
    expect(slow.timeOf("connection_closing") - slow.timeOf("error")).toBe(5000);
    expect(slow.closed).toMatchObject({ code: 1008, reason: "slow_consumer" });
    const sequences = slow.of("message").map(({ payload }) => payload.sequence);
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, index) => index + 1));
    expect(world.network.dropped).toEqual([]);
  });

  test("that reads nothing at all is closed as well, and finds the reason when it reads again", async () => {
    const { world, slow } = await fill((sent) => sent === 60);
    await using _ = world;
    await world.clock.advance(10_000);
    slow.link.readEvery(0);
    await world.clock.runUntil(() => slow.closed !== undefined, 10_000);
    expect(slow.of("connection_closing")[0]?.payload).toMatchObject({
      reason: "slow_consumer",
      reconnect_allowed: true,
    });
    expect(slow.closed).toMatchObject({ code: 1008, reason: "slow_consumer" });
  });

  test("stays when it has caught up below 80 % within the grace", async () => {
    const { world, slow, sender } = await fill(
      (_, reader) => reader.link.connection?.graceEndsAtMs !== undefined,
    );
    const sent = sender.of("send_message_ack").length;
    await using _ = world;
    await world.clock.advance(2000);
    expect(slow.link.connection?.graceEndsAtMs).toBeDefined();
    slow.link.readEvery(0);
    await world.clock.advance(30_000);
    expect(slow.of("error")[0]?.payload).toMatchObject({ code: "SLOW_CONSUMER" });
    expect(slow.closed).toBeUndefined();
    expect(slow.of("message").map(({ payload }) => payload.sequence)).toEqual(
      Array.from({ length: sent }, (_, index) => index + 1),
    );
  });
});

describe("a wall clock that is corrected", () => {
  test.each([
    ["back by a minute", -60_000],
    ["back by an hour", -hourMs],
    ["forward by a minute", 60_000],
  ])("%s ends no connection and stops no push", async (_name, byMs) => {
    const { world, seeded, chatId } = await open(3);
    await using _ = world;
    await world.enter(seeded, () => calm);
    await world.clock.advance(7000);
    const ended: string[] = [];
    for (const { client } of world.installations) client.on("closing", ({ reason }) => ended.push(reason));
    world.process.jumpWallClock(byMs);
    await world.clock.advance(40_000);
    expect(ended).toEqual([]);
    const [sender, ...readers] = world.installations;
    sender?.client.send(chatId, "what time is it?");
    await world.clock.advance(500);
    expect(readers.map(({ client }) => client.cursor(chatId))).toEqual([1, 1]);
  });
});

describe("a drain", () => {
  test("tells everybody, ends within 35 s though somebody hears nothing, and loses no send", async () => {
    const { world, seeded, chatId } = await open(4);
    await using _ = world;
    await world.enter(seeded, () => calm);
    const delays: number[] = [];
    for (const { client } of world.installations) {
      client.on("closing", ({ reason, reconnectDelayMs }) => {
        expect(reason).toBe("server_shutdown");
        delays.push(reconnectDelayMs);
      });
    }
    world.installations[3]?.endpoint.link?.blackHole();
    for (const { client } of world.installations) client.send(chatId, "just before the end");
    const startedAtMs = world.clock.monotonicMs();
    await world.drive(world.process.drain(), 35_000);
    expect(world.clock.monotonicMs() - startedAtMs).toBeLessThanOrEqual(35_000);
    expect(delays).toHaveLength(3);
    expect(new Set(delays).size).toBe(3);
    world.recorder.processKilled("standalone");
    await world.startProcess();
    world.recorder.processStarted("standalone");
    await world.settle();
    expect(world.readStore().messages).toHaveLength(4);
    expect(world.check({ answerTimeoutMs: 30_000 }).violations).toEqual([]);
  });
});
