/**
 * Goal: connections end by name: by silence, expiry, revocation, drain; and stay findable until then.
 * Method: the whole gateway on a virtual clock.
 */
import { describe, expect, test } from "bun:test";
import { deviceOf, GatewayWorld, gatewaySettings, sendFrame } from "../../tests/fakes/gateway-world.ts";
import type { UserId } from "../shared/domain/ids.ts";
import { Deadlines } from "./deadlines.ts";

const acked = (socket: { of(type: string): readonly { request_id: string }[] }) =>
  socket.of("send_message_ack").map(({ request_id }) => request_id);

describe("time", () => {
  const beat = { type: "heartbeat", payload: {} };

  test("heartbeat_interval_respected W-1: silent for 15 s is closed as idle_timeout 1001; other frames do not count", async () => {
    const world = new GatewayWorld();
    const [quiet, alive] = [await world.connect("user_A", 1), await world.connect("user_B", 2)];
    for (let second = 5; second < 15; second += 5) {
      await world.clock.advance(5000);
      alive.send(beat);
      quiet.send({ type: "ack", payload: { chat_id: "chat_1", last_acked_sequence: 1 } });
    }
    await world.clock.advance(4999);
    expect(quiet.socket.closedWith).toBeUndefined();
    await world.clock.advance(1);
    expect(quiet.socket.closedWith).toEqual({ code: 1001, reason: "idle_timeout" });
    expect(alive.socket.closedWith).toBeUndefined();
    expect(world.gateway.connections).toBe(1);
  });

  test("AUTH-15 a token that expires ends its socket with token_expired, close 1008", async () => {
    const world = new GatewayWorld({ idleTimeoutMs: 10 ** 9 });
    const { socket } = await world.connect("user_A", 1, 60);
    await world.clock.advance(59_999);
    expect(socket.closedWith).toBeUndefined();
    await world.clock.advance(1);
    expect(socket.closedWith).toEqual({ code: 1008, reason: "token_expired" });
    expect(socket.frames.at(-1)).toMatchObject({
      type: "connection_closing",
      payload: { reason: "token_expired", reconnect_allowed: true },
    });
  });

  test("a connection is rotated within its 24 h", async () => {
    const world = new GatewayWorld({ idleTimeoutMs: 10 ** 9 });
    const { socket } = await world.connect("user_A", 1, 48 * 3600);
    await world.clock.advance(0.9 * 24 * 3600 * 1000 - 1);
    expect(socket.closedWith).toBeUndefined();
    await world.clock.advance(0.1 * 24 * 3600 * 1000 + 1);
    expect(socket.closedWith).toEqual({ code: 1001, reason: "server_shutdown" });
  });

  test("the duplicate-connection message is lost and two sockets live on: the refresh of the older closes it", async () => {
    const world = new GatewayWorld();
    const older = await world.connect("user_A", 1);
    await world.clock.advance(1000);
    await world.routing.register({
      ...older.connection.init,
      connectionId: "conn_Z" as never,
      connectedAtMs: world.clock.nowMs(),
      serverId: "gw-2",
    });
    older.send(beat);
    await world.clock.advance(10);
    expect(older.socket.closedWith).toEqual({ code: 1008, reason: "duplicate_connection" });
    expect(older.socket.frames.at(-1)?.payload.reconnect_allowed).toBe(false);
  });

  test("CL-05 I-09 heartbeats bring routing entries back that vanished", async () => {
    const world = new GatewayWorld({ idleTimeoutMs: 10 ** 9 });
    const { send } = await world.connect("user_A", 1);
    await world.clock.advance(20_000);
    expect(await world.routing.serversOf(["user_A" as UserId])).toEqual([[]]);
    send(beat);
    await world.clock.advance(10);
    expect(await world.routing.serversOf(["user_A" as UserId])).toEqual([["gw-1"]]);
  });
});

describe("revocation", () => {
  const long = { idleTimeoutMs: 10 ** 9 };

  test("news of ended sessions closes at once those it names", async () => {
    const world = new GatewayWorld(long);
    const [a, b] = [await world.connect("user_A", 1), await world.connect("user_B", 2)];
    world.announce({ userId: "user_A" as UserId, sessionIds: ["sess_OTHER" as never], reason: "logout" });
    expect(a.socket.closedWith).toBeUndefined();
    world.announce({ userId: "user_A" as UserId, sessionIds: null, reason: "logout" });
    expect(a.socket.closedWith).toEqual({ code: 1008, reason: "session_revoked" });
    expect(b.socket.closedWith).toBeUndefined();
  });

  test("a revoked token is found within 60 s though its news was lost", async () => {
    const world = new GatewayWorld(long);
    const { connection, socket } = await world.connect("user_A", 1);
    world.revoked.add(connection.init.tokenId);
    await world.clock.advance(59_999);
    expect(socket.closedWith).toBeUndefined();
    await world.clock.advance(1);
    expect(socket.closedWith?.reason).toBe("session_revoked");
  });

  test("W-9 revocation_fail_secure: an outage is survived for 300 s, then all are closed 1013 with spread delays", async () => {
    const world = new GatewayWorld(long);
    const clients = await Promise.all([1, 2, 3, 4].map((device) => world.connect(`user_${device}`, device)));
    world.revocationDown = true;
    await world.clock.advance(200_000);
    world.revocationDown = false;
    await world.clock.advance(60_000);
    // An outage that ended starts the grace anew.
    world.revocationDown = true;
    await world.clock.advance(300_000);
    expect(clients.every(({ socket }) => socket.closedWith === undefined)).toBe(true);
    await world.clock.advance(60_000);
    expect(clients.map(({ socket }) => socket.closedWith)).toEqual(
      Array(4).fill({ code: 1013, reason: "server_shutdown" }),
    );
    const delays = clients.map(({ socket }) => socket.of("connection_closing")[0].payload.reconnect_delay_ms);
    expect(new Set(delays).size).toBeGreaterThan(1);
  });
});

describe("typing", () => {
  const typing = (type: string) => ({ type, payload: { chat_id: "chat_1" } });

  test("reaches the chat's other connections here, once a second, and ends by itself after 10 s", async () => {
    const world = new GatewayWorld({ idleTimeoutMs: 10 ** 9 });
    const [a, b, c] = [
      await world.connect("user_A", 1),
      await world.connect("user_B", 2),
      await world.connect("user_C", 3),
    ];
    a.send(typing("typing_start"));
    expect(b.socket.of("typing_indicator")).toEqual([]);
    await world.deliver([{ chatId: "chat_1", sequence: 1, to: ["user_A", "user_B"] }]);
    await world.clock.advance(1000);
    for (let n = 0; n < 5; n++) a.send(typing("typing_start"));
    expect(b.socket.of("typing_indicator").map(({ payload }) => payload)).toEqual([
      { chat_id: "chat_1", user_id: "user_A", is_typing: true },
    ]);
    await world.clock.advance(10_000);
    expect(b.socket.of("typing_indicator").at(-1)?.payload.is_typing).toBe(false);
    c.send(typing("typing_start"));
    expect(b.socket.of("typing_indicator")).toHaveLength(2);
    expect([...a.socket.of("typing_indicator"), ...c.socket.of("typing_indicator")]).toEqual([]);
  });
});

describe("drain", () => {
  test("announces once with spread delays, serves acks and heartbeats, refuses new work, closes who stays with 1001", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false });
    const clients = await Promise.all([1, 2, 3].map((device) => world.connect(`user_${device}`, device)));
    const [first] = clients;
    const release = Promise.withResolvers<void>();
    world.persist = () => release.promise;
    first?.send(sendFrame(1));
    await world.clock.advance(1);
    let drained = false;
    void world.gateway.drain().then(() => {
      drained = true;
    });
    await world.clock.advance(100);
    release.resolve();
    await world.clock.advance(100);
    expect(acked(first?.socket as never)).toEqual(["r1"]);
    first?.send(sendFrame(2));
    first?.send({ type: "heartbeat", request_id: "hb", payload: {} });
    first?.send({ type: "ack", payload: { chat_id: "chat_1", last_acked_sequence: 1 } });
    await world.clock.advance(10);
    expect(first?.socket.of("error")[0]).toMatchObject({
      request_id: "r2",
      payload: { code: "SERVICE_UNAVAILABLE" },
    });
    expect(first?.socket.of("heartbeat_ack")).toHaveLength(1);
    expect(world.acks).toHaveLength(1);
    const refused = await world.handshake(`/ws/v1?device_id=${deviceOf(9)}`, {
      authorization: `Bearer ${await world.token("user_9")}`,
    });
    expect(refused).toMatchObject({ ok: false, refusal: { status: 503, error: "service_unavailable" } });
    await world.clock.advance(6000);
    expect(drained).toBe(true);
    for (const { socket } of clients) {
      expect(socket.closedWith).toEqual({ code: 1001, reason: "server_shutdown" });
      expect(socket.of("connection_closing")).toHaveLength(1);
    }
    const delays = clients.map(({ socket }) => socket.of("connection_closing")[0].payload.reconnect_delay_ms);
    expect(new Set(delays).size).toBe(3);
  });

  test("a durability plane that never answers holds the drain for its limit only", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false, idleTimeoutMs: 10 ** 9 });
    const { send, socket } = await world.connect("user_A", 1);
    world.persist = () => new Promise(() => undefined);
    send(sendFrame(1));
    await world.clock.advance(1);
    let drained = false;
    void world.gateway.drain().then(() => {
      drained = true;
    });
    await world.clock.advance(gatewaySettings.drainTimeoutMs + 1000);
    expect(drained).toBe(true);
    expect(socket.closedWith).toEqual({ code: 1001, reason: "server_shutdown" });
  });
});

describe("deadlines", () => {
  test.each([1, 2, 3, 4, 5])(
    "every owner is woken when it is due, in order, however deadlines move (seed %d)",
    async (seed) => {
      const world = new GatewayWorld({}, seed);
      const { clock, random } = world;
      const fired: number[] = [];
      const owners = Array.from({ length: 200 }, () => ({
        dueMs: clock.monotonicMs() + random.below(10_000),
        firedAtMs: undefined as number | undefined,
      }));
      const deadlines = new Deadlines<(typeof owners)[number]>(clock, (owner, nowMs) => {
        if (nowMs < owner.dueMs) return owner.dueMs;
        owner.firedAtMs = nowMs;
        fired.push(nowMs);
        return undefined;
      });
      for (const owner of owners) deadlines.add(owner.dueMs, owner);
      for (let step = 0; step < 50; step++) {
        const owner = random.pick(owners);
        if (owner.firedAtMs === undefined) owner.dueMs += random.below(3000);
        await clock.advance(random.below(100));
      }
      await clock.advance(200_000);
      for (const { dueMs, firedAtMs } of owners) expect(firedAtMs).toBe(dueMs);
      expect(fired).toEqual(fired.toSorted((a, b) => a - b));
      deadlines.close();
    },
  );
});
