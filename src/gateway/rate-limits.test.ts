/**
 * Goal: each row of the rate limits that the gateway enforces holds to the number, and ends with its window.
 * Method: one test per row, named after it, on the whole gateway with the memory limiter and a virtual clock.
 */
import { describe, expect, test } from "bun:test";
import { type Client, deviceOf, GatewayWorld, sendFrame } from "../../tests/fakes/gateway-world.ts";
import type { UpgradeOutcome } from "./upgrade.ts";

const answer = (outcome: UpgradeOutcome): string =>
  outcome.ok ? "ok" : `${outcome.refusal.status} ${outcome.refusal.error}`;

const forged = { authorization: "Bearer forged" };
const upgrades = {
  perIpSecond: 1000,
  perIpMinute: 1000,
  perUserMinute: 1000,
  concurrentPerUser: 1000,
  clusterSecond: 1000,
};

/** Upgrades with a token that is none, until the limits refuse before it is looked at. @returns answers in order */
async function upgrade(world: GatewayWorld, count: number, ipKey = "ip"): Promise<readonly string[]> {
  const answers: string[] = [];
  for (let n = 0; n < count; n += 1) {
    answers.push(answer(await world.handshake(`/ws/v1?device_id=${deviceOf(1)}`, forged, ipKey)));
  }
  return answers;
}

describe("upgrades", () => {
  test.each([
    ["L1 10 a second from one address", { ...upgrades, perIpSecond: 10 }, 10, 1000],
    ["L2 100 a minute from one network", { ...upgrades, perIpMinute: 100 }, 100, 60_000],
  ] as const)("%s: one more is 429, another address is free", async (_, limits, limit, windowMs) => {
    const world = new GatewayWorld({ upgrades: limits });
    expect(new Set(await upgrade(world, limit))).toEqual(new Set(["401 invalid_token"]));
    expect(await upgrade(world, 1)).toEqual(["429 rate_limited"]);
    expect(await upgrade(world, 1, "another")).toEqual(["401 invalid_token"]);
    await world.clock.advance(windowMs);
    expect(await upgrade(world, 1)).toEqual(["401 invalid_token"]);
  });

  test("L3 5 connections of a user at a time", async () => {
    const world = new GatewayWorld({ upgrades: { ...upgrades, concurrentPerUser: 5 } });
    for (let n = 1; n <= 5; n += 1) await world.connect("user_A", n);
    const headers = { authorization: `Bearer ${await world.token("user_A")}` };
    expect(answer(await world.handshake(`/ws/v1?device_id=${deviceOf(6)}`, headers))).toBe(
      "429 rate_limited",
    );
  });

  test("L4 10 new connections of a user a minute", async () => {
    const world = new GatewayWorld({ upgrades: { ...upgrades, perUserMinute: 10 } });
    const headers = { authorization: `Bearer ${await world.token("user_A")}` };
    const connect = async () => answer(await world.handshake(`/ws/v1?device_id=${deviceOf(1)}`, headers));
    for (let n = 0; n < 10; n += 1) expect(await connect()).toBe("ok");
    expect(await connect()).toBe("429 rate_limited");
    await world.clock.advance(60_000);
    expect(await connect()).toBe("ok");
  });

  test("L5 beyond the cluster's limit the service is busy: 503, whoever asks", async () => {
    const world = new GatewayWorld({ upgrades: { ...upgrades, clusterSecond: 3 } });
    for (const ipKey of ["a", "b", "c"])
      expect(await upgrade(world, 1, ipKey)).toEqual(["401 invalid_token"]);
    expect(await upgrade(world, 1, "d")).toEqual(["503 service_unavailable"]);
    await world.clock.advance(1000);
    expect(await upgrade(world, 1, "d")).toEqual(["401 invalid_token"]);
  });
});

const stored = (world: GatewayWorld): number => world.calls.flat().length;

async function sendEvery(world: GatewayWorld, client: Client, gapMs: number, numbers: readonly number[]) {
  for (const n of numbers) {
    client.send(sendFrame(n));
    await world.clock.advance(gapMs);
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("sends", () => {
  test("L14 10 a second sustained: after the burst ten more pass in each second", async () => {
    const world = new GatewayWorld();
    const client = await world.connect("user_A", 1);
    await sendEvery(world, client, 0, numbers(1, 20));
    await world.clock.advance(1000);
    await sendEvery(world, client, 0, numbers(21, 35));
    await world.clock.advance(1);
    expect(stored(world)).toBe(30);
  });

  test("L15 20 within any second, also where the bucket refills meanwhile", async () => {
    const world = new GatewayWorld();
    const client = await world.connect("user_A", 1);
    await sendEvery(world, client, 40, numbers(1, 22));
    expect(stored(world)).toBe(20);
    // The first send is a second ago when the 26th would go.
    await world.clock.advance(160);
    await sendEvery(world, client, 1, [26]);
    expect(stored(world)).toBe(21);
  });

  test("L16 30 a second of a user over all chats", async () => {
    const world = new GatewayWorld();
    const { send } = await world.connect("user_A", 1);
    for (const n of numbers(1, 40)) send(sendFrame(n, `chat_${n % 4}`));
    await world.clock.advance(1);
    expect(stored(world)).toBe(30);
  });

  test("L17 1000 an hour of a user, whatever connection it uses", async () => {
    const world = new GatewayWorld({ sendsPerUserHour: 3 });
    const first = await world.connect("user_A", 1);
    await sendEvery(world, first, 200, [1, 2]);
    const second = await world.connect("user_A", 2);
    await sendEvery(world, second, 200, [3, 4]);
    expect(stored(world)).toBe(3);
    const [refused] = second.socket.of("error");
    expect(refused.payload).toMatchObject({ code: "RATE_LIMITED", details: { retry_after_seconds: 3600 } });
    await world.clock.advance(3_600_000);
    await sendEvery(world, await world.connect("user_A", 3), 1, [5]);
    expect(stored(world)).toBe(4);
  });

  test("L18 a second of the whole cluster: users share it", async () => {
    const world = new GatewayWorld({ sendsClusterSecond: 3 });
    const clients = [await world.connect("user_A", 1), await world.connect("user_B", 2)];
    for (const { send } of clients) for (const n of [1, 2]) send(sendFrame(n));
    await world.clock.advance(1);
    expect(stored(world)).toBe(3);
    await world.clock.advance(1000);
    clients[1]?.send(sendFrame(3));
    await world.clock.advance(1);
    expect(stored(world)).toBe(4);
  });

  test("L19 100 requests wait on a connection, the next is told SERVER_BUSY; it is no rate limit that could be off", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false });
    const release = Promise.withResolvers<void>();
    world.persist = () => release.promise;
    const { send, socket } = await world.connect("user_A", 1);
    for (const n of numbers(1, 101)) send(sendFrame(n));
    expect(socket.of("error").map(({ payload }) => payload.code)).toEqual(["SERVER_BUSY"]);
    release.resolve();
    await world.clock.advance(5);
    expect(socket.of("send_message_ack")).toHaveLength(100);
  });
});

describe("other frames", () => {
  const sync = (n: number) => ({
    type: "sync_request",
    request_id: `s${n}`,
    payload: { chat_id: "chat_1", last_acked_sequence: 0 },
  });

  test("L21 5 syncs a second", async () => {
    const world = new GatewayWorld();
    const { send, socket } = await world.connect("user_A", 1);
    for (const n of numbers(1, 6)) send(sync(n));
    await world.clock.advance(10);
    expect(socket.of("sync_response")).toHaveLength(5);
    expect(socket.of("error").map(({ payload }) => payload.code)).toEqual(["RATE_LIMITED"]);
  });

  test("L21 5 syncs in flight, however slowly they were sent", async () => {
    const world = new GatewayWorld();
    const release = Promise.withResolvers<unknown>();
    const answerNow = world.sync;
    world.sync = async () => {
      await release.promise;
      return answerNow();
    };
    const { send, socket } = await world.connect("user_A", 1);
    for (const n of numbers(1, 6)) {
      send(sync(n));
      await world.clock.advance(300);
    }
    expect(socket.of("error").map(({ request_id }) => request_id)).toEqual(["s6"]);
    release.resolve(undefined);
    await world.clock.advance(10);
    expect(socket.of("sync_response")).toHaveLength(5);
  });

  test("L22 one typing start a second per chat: more are dropped in silence", async () => {
    const world = new GatewayWorld();
    const [a, b] = [await world.connect("user_A", 1), await world.connect("user_B", 2)];
    await world.deliver([{ chatId: "chat_1", sequence: 1, to: ["user_A", "user_B"] }]);
    const start = { type: "typing_start", payload: { chat_id: "chat_1" } };
    const told = () => b.socket.of("typing_indicator").length;
    for (let n = 0; n < 3; n += 1) a.send(start);
    expect(told()).toBe(1);
    await world.clock.advance(1000);
    for (let n = 0; n < 3; n += 1) a.send(start);
    expect(told()).toBe(2);
    expect(a.socket.of("error")).toEqual([]);
  });

  test("L23 the tenth invalid frame within a minute closes the connection, nine do not", async () => {
    const world = new GatewayWorld({ idleTimeoutMs: 600_000 });
    const { send, socket } = await world.connect("user_A", 1);
    for (let n = 0; n < 9; n += 1) send("{");
    expect(socket.closedWith).toBeUndefined();
    await world.clock.advance(60_000);
    for (let n = 0; n < 9; n += 1) send("{");
    expect(socket.closedWith).toBeUndefined();
    send("{");
    await world.clock.advance(1);
    expect(socket.closedWith).toEqual({ code: 1008, reason: "protocol_error" });
  });
});
