/**
 * Goal: every send is answered, in its chat's order, and limits stand before work. Method: the whole gateway on a
 * virtual clock, with a durability plane that answers when told.
 */
import { describe, expect, test } from "bun:test";
import { GatewayWorld, sendFrame } from "../../tests/fakes/gateway-world.ts";
import { TriplaneError } from "../shared/domain/errors.ts";

const acked = (socket: { of(type: string): readonly { request_id: string }[] }) =>
  socket.of("send_message_ack").map(({ request_id }) => request_id);

describe("sends", () => {
  const unlimited = { rateLimitsEnabled: false };

  test("W-17 sends of one turn share a call, and the next call of a chat waits for its answer", async () => {
    const world = new GatewayWorld({ ...unlimited, coalesceSendsBy: "chat" });
    const { send, socket } = await world.connect("user_A", 1);
    const release = Promise.withResolvers<void>();
    world.persist = () => release.promise;
    for (const number of [1, 2, 3]) send(sendFrame(number));
    await world.clock.advance(1);
    expect(world.calls.map((call) => call.length)).toEqual([3]);
    send(sendFrame(4));
    send(sendFrame(5, "chat_2"));
    await world.clock.advance(1);
    // Another chat does not wait.
    expect(world.calls.map((call) => call.map(({ chatId }) => chatId))).toEqual([
      ["chat_1", "chat_1", "chat_1"],
      ["chat_2"],
    ]);
    send(sendFrame(6));
    release.resolve();
    await world.clock.advance(1);
    expect(world.calls.at(-1)?.map(({ content }) => content)).toEqual(["text 4", "text 6"]);
    await world.clock.advance(1);
    expect(acked(socket).toSorted()).toEqual(["r1", "r2", "r3", "r4", "r5", "r6"]);
    const chat1 = socket.of("send_message_ack").filter(({ payload }) => payload.chat_id === "chat_1");
    expect(chat1.map(({ request_id, payload }) => [request_id, payload.sequence])).toEqual([
      ["r1", 1],
      ["r2", 2],
      ["r3", 3],
      ["r4", 4],
      ["r6", 5],
    ]);
  });

  test("W-17 more than 100 sends in a turn make calls of at most 100, never two of one connection and chat at once", async () => {
    const world = new GatewayWorld({ ...unlimited, requestsPerConnectionMax: 1000 });
    const clients = await Promise.all([1, 2, 3].map((device) => world.connect(`user_${device}`, device)));
    let running = 0;
    world.persist = async (items) => {
      running++;
      for (const { connectionId } of items) expect(connectionId).toBeString();
      await Promise.resolve();
      running--;
    };
    for (let n = 1; n <= 120; n++)
      for (const [index, client] of clients.entries()) client.send(sendFrame(n + index * 1000));
    await world.clock.advance(10);
    expect(world.calls.every((call) => call.length <= 100)).toBe(true);
    expect(world.calls.reduce((sum, call) => sum + call.length, 0)).toBe(360);
    for (const { connection, socket } of clients) {
      const own = world.calls
        .flat()
        .filter(({ connectionId }) => connectionId === connection.init.connectionId);
      const contents = own.map(({ content }) => Number(content.slice(5)));
      expect(contents).toEqual(contents.toSorted((a, b) => a - b));
      expect(acked(socket)).toHaveLength(120);
      expect(connection.requestsInFlight).toBe(0);
    }
    expect(running).toBe(0);
  });

  test("per chat where the store commits per chat: one call for each", async () => {
    const world = new GatewayWorld({ ...unlimited, coalesceSendsBy: "chat" });
    const { send } = await world.connect("user_A", 1);
    send(sendFrame(1));
    send(sendFrame(2, "chat_2"));
    send(sendFrame(3));
    await world.clock.advance(1);
    expect(world.calls.map((call) => call.map(({ content }) => content))).toEqual([
      ["text 1", "text 3"],
      ["text 2"],
    ]);
  });

  test("failfast_persistence: a call that fails answers each of its sends, and what waited behind goes on", async () => {
    const world = new GatewayWorld(unlimited);
    const { send, socket, connection } = await world.connect("user_A", 1);
    world.persist = async () => {
      throw new TriplaneError("SERVICE_UNAVAILABLE", "down");
    };
    send(sendFrame(1));
    send(sendFrame(2));
    await world.clock.advance(1);
    expect(socket.of("error").map(({ request_id, payload }) => [request_id, payload.code])).toEqual([
      ["r1", "SERVICE_UNAVAILABLE"],
      ["r2", "SERVICE_UNAVAILABLE"],
    ]);
    world.persist = async () => undefined;
    send(sendFrame(3));
    await world.clock.advance(1);
    expect(acked(socket)).toEqual(["r3"]);
    expect(connection.requestsInFlight).toBe(0);
  });

  test("a connection that is lost with sends in hand leaves nothing waiting, and the drain does not hang", async () => {
    const world = new GatewayWorld(unlimited);
    const client = await world.connect("user_A", 1);
    const release = Promise.withResolvers<void>();
    world.persist = () => release.promise;
    client.send(sendFrame(1));
    await world.clock.advance(1);
    client.send(sendFrame(2));
    world.gateway.onClosed(client.connection);
    release.resolve();
    await world.clock.advance(1);
    let drained = false;
    void world.gateway.drain().then(() => {
      drained = true;
    });
    await world.clock.advance(1000);
    expect(drained).toBe(true);
    expect(world.gateway.connections).toBe(0);
    expect(client.socket.of("send_message_ack")).toEqual([]);
  });

  test("100 requests wait, the 101st is told SERVER_BUSY; each is answered", async () => {
    const world = new GatewayWorld(unlimited);
    const { send, socket } = await world.connect("user_A", 1);
    const release = Promise.withResolvers<void>();
    world.persist = () => release.promise;
    for (let n = 1; n <= 101; n++) send(sendFrame(n));
    expect(socket.of("error").map(({ request_id, payload }) => [request_id, payload.code])).toEqual([
      ["r101", "SERVER_BUSY"],
    ]);
    release.resolve();
    await world.clock.advance(5);
    expect(acked(socket)).toHaveLength(100);
  });
});

describe("limits", () => {
  test("WS-E-05 I-44 rate_limit_precedes_sequencing: the 21st send of a burst is refused before the durability plane", async () => {
    const world = new GatewayWorld();
    const { send, socket } = await world.connect("user_A", 1);
    for (let n = 1; n <= 25; n++) send(sendFrame(n));
    await world.clock.advance(1);
    expect(world.calls.flat()).toHaveLength(20);
    const refused = socket.of("error");
    expect(refused.map(({ request_id }) => request_id)).toEqual(["r21", "r22", "r23", "r24", "r25"]);
    expect(refused[0].payload).toMatchObject({ code: "RATE_LIMITED", details: { retry_after_seconds: 1 } });
    await world.clock.advance(1000);
    send(sendFrame(26));
    await world.clock.advance(1);
    expect(acked(socket)).toContain("r26");
  });

  test("the shared limiter fails open, the connection's own bucket holds", async () => {
    const world = new GatewayWorld();
    world.limiterDown = true;
    const { send, socket } = await world.connect("user_A", 1);
    for (let n = 1; n <= 25; n++) send(sendFrame(n));
    await world.clock.advance(1);
    expect(acked(socket)).toHaveLength(20);
    expect(world.logged.filter(({ event }) => event === "rate_limit_check_failed").length).toBeGreaterThan(0);
  });

  test("30 sends a second over all chats of a user", async () => {
    const world = new GatewayWorld();
    const { send } = await world.connect("user_A", 1);
    for (let n = 1; n <= 40; n++) send(sendFrame(n, `chat_${n % 4}`));
    await world.clock.advance(1);
    expect(world.calls.flat()).toHaveLength(30);
  });

  test("five syncs a second; the sixth is told RATE_LIMITED", async () => {
    const world = new GatewayWorld();
    const { send, socket } = await world.connect("user_A", 1);
    const sync = (n: number) => ({
      type: "sync_request",
      request_id: `s${n}`,
      payload: { chat_id: "chat_1", last_acked_sequence: 0 },
    });
    for (let n = 1; n <= 6; n++) send(sync(n));
    await world.clock.advance(10);
    expect(socket.of("sync_response")).toHaveLength(5);
    expect(socket.of("error").map(({ request_id, payload }) => [request_id, payload.code])).toEqual([
      ["s6", "RATE_LIMITED"],
    ]);
    await world.clock.advance(1000);
    send(sync(7));
    await world.clock.advance(1);
    expect(socket.of("sync_response").at(-1)?.request_id).toBe("s7");
  });

  test("50 refused sends within a minute: connection_closing rate_limited, close 1013", async () => {
    const world = new GatewayWorld();
    const { send, socket } = await world.connect("user_A", 1);
    for (let n = 1; n <= 80; n++) send(sendFrame(n));
    await world.clock.advance(1);
    expect(socket.closedWith).toEqual({ code: 1013, reason: "rate_limited" });
    expect(socket.of("connection_closing")[0].payload).toMatchObject({
      reason: "rate_limited",
      reconnect_delay_ms: 30_000,
    });
  });
});

describe("acks", () => {
  test("ack_cumulative: of one turn only the highest of a user and chat goes on, none is answered", async () => {
    const world = new GatewayWorld();
    const { send, socket } = await world.connect("user_A", 1);
    const ack = (chatId: string, value: number) =>
      send({ type: "ack", payload: { chat_id: chatId, last_acked_sequence: value } });
    for (const value of [3, 7, 5]) ack("chat_1", value);
    ack("chat_2", 1);
    await world.clock.advance(1);
    expect(world.acks.map(({ chatId, sequence }) => [chatId, sequence])).toEqual([
      ["chat_1", 7],
      ["chat_2", 1],
    ]);
    expect(socket.frames.map(({ type }) => type)).toEqual(["connection_established"]);
  });
});
