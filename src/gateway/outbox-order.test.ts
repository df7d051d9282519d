/**
 * Goal: whatever a socket takes and whenever it drains, its client gets every push of a chat once and in order, and
 * every answer; or it is closed by name. Nothing is dropped in silence.
 * Method: seeded deliveries by topic and by socket, bursts beyond every bound, stalls and drains between them.
 */
import { describe, expect, test } from "bun:test";
import { type Client, GatewayWorld } from "../../tests/fakes/gateway-world.ts";

const users = ["user_A", "user_B", "user_C", "user_D"];
const chats = ["chat_1", "chat_2", "chat_3"];

function pushed(client: Client, chatId: string): readonly number[] {
  return client.socket
    .of("message")
    .filter((frame) => frame.payload.chat_id === chatId)
    .map((frame) => frame.payload.sequence);
}

function drain(world: GatewayWorld, client: Client): void {
  client.socket.stalled = false;
  client.socket.readAll();
  if (client.socket.closedWith === undefined) world.gateway.onDrain(client.connection);
}

describe("order and completeness under back-pressure", () => {
  test.each(Array.from({ length: 25 }, (_, index) => index + 1))(
    "no push is lost, repeated or reordered, no answer is lost (seed %d)",
    async (seed) => {
      const world = new GatewayWorld({ rateLimitsEnabled: false, idleTimeoutMs: 10 ** 9 }, seed);
      const { random } = world;
      const clients = await Promise.all(users.map((userId, index) => world.connect(userId, index)));
      const next = new Map(chats.map((chat) => [chat, 1]));
      const beats = new Map<Client, number>(clients.map((client) => [client, 0]));
      // Big frames meet the byte bounds, small ones the message bounds.
      const content = seed % 3 === 0 ? "x".repeat(4000) : "x";
      for (let step = 0; step < 120; step++) {
        const count = random.float() < 0.1 ? 200 : random.below(8);
        const deliveries = Array.from({ length: count }, () => {
          const chatId = random.pick(chats);
          const sequence = next.get(chatId) ?? 1;
          next.set(chatId, sequence + 1);
          return { chatId, sequence, to: users, content };
        });
        await world.deliver(deliveries);
        const client = random.pick(clients);
        const dice = random.float();
        if (dice < 0.25) client.socket.stalled = true;
        else if (dice < 0.6) drain(world, client);
        if (random.float() < 0.5) {
          const beat = (beats.get(client) ?? 0) + 1;
          beats.set(client, beat);
          client.send({ type: "heartbeat", request_id: `hb-${beat}`, payload: {} });
        }
        if (random.float() < 0.7) await world.clock.advance(random.below(3));
      }
      for (let round = 0; round < 100; round++) {
        for (const client of clients) drain(world, client);
        await world.clock.advance(1);
      }
      let alive = 0;
      for (const client of clients) {
        expect(client.socket.dropped).toBe(0);
        const isDoomed =
          client.socket.closedWith !== undefined || client.connection.outbox?.overflowed === true;
        for (const chat of chats) {
          const sequences = pushed(client, chat);
          expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
          if (!isDoomed)
            expect(sequences).toEqual(Array.from({ length: (next.get(chat) ?? 1) - 1 }, (_, n) => n + 1));
        }
        if (isDoomed) continue;
        alive++;
        expect(client.socket.of("heartbeat_ack").map((frame) => frame.request_id)).toEqual(
          Array.from({ length: beats.get(client) ?? 0 }, (_, n) => `hb-${n + 1}`),
        );
      }
      expect(alive).toBeGreaterThan(0);
      await world.clock.advance(6000);
      for (const client of clients) {
        if (client.connection.outbox?.overflowed === true) expect(client.connection.closed).toBe(true);
      }
    },
  );

  test("a socket in several busy topics is never handed more than its runtime can hold", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false });
    const clients = await Promise.all(users.map((userId, index) => world.connect(userId, index)));
    const [slow] = clients as [Client];
    await world.deliver(chats.map((chatId) => ({ chatId, sequence: 1, to: users })));
    await world.clock.advance(1);
    slow.socket.stalled = true;
    const many = Array.from({ length: 8 }, (_, n) => `chat_busy${n}`);
    await world.deliver(many.map((chatId) => ({ chatId, sequence: 1, to: users })));
    // Each topic stays below its cap, together they pass the socket's limit.
    const deliveries = many.flatMap((chatId) =>
      Array.from({ length: 20 }, (_, n) => ({
        chatId,
        sequence: 2 + n,
        to: users,
        content: "\u0001".repeat(4096),
      })),
    );
    await world.deliver(deliveries);
    expect(slow.socket.dropped).toBe(0);
  });

  test("an answer that meets a full turn is sent with it, not kept", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false });
    const { connection, socket } = await world.connect("user_A", 1);
    const frame = JSON.stringify({ type: "message", payload: { text: "x".repeat(512 * 1024 - 100) } });
    connection.push(frame, frame.length);
    connection.control(JSON.stringify({ type: "send_message_ack", payload: { note: "y".repeat(200) } }));
    connection.flush();
    expect(socket.frames.map(({ type }) => type)).toEqual([
      "connection_established",
      "message",
      "send_message_ack",
    ]);
  });

  test("backpressure_signaled slow_consumer_not_silent WS-B-01 WS-B-02: warned above 95 %, closed by name when the grace is over", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false });
    const { socket } = await world.connect("user_A", 1);
    socket.stalled = true;
    let sequence = 0;
    const push = (count: number) =>
      world.deliver(
        Array.from({ length: count }, () => ({ chatId: "chat_1", sequence: ++sequence, to: ["user_A"] })),
      );
    await push(1);
    await push(400);
    await push(400);
    await push(150);
    expect(socket.bufferedBytes()).toBeLessThan(1000);
    await push(2);
    await world.clock.advance(4999);
    expect(socket.closedWith).toBeUndefined();
    socket.readAll();
    await world.clock.advance(1);
    expect(socket.closedWith).toEqual({ code: 1008, reason: "slow_consumer" });
    socket.readAll();
    expect(socket.frames.at(-1)).toMatchObject({
      type: "connection_closing",
      payload: { reason: "slow_consumer", reconnect_allowed: true },
    });
  });

  test("a slow consumer that reads again within the grace is normal again, and gets the warning first", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false, idleTimeoutMs: 10 ** 6 });
    const client = await world.connect("user_A", 1);
    client.socket.stalled = true;
    for (let batch = 0; batch < 4; batch++) {
      const from = batch * 325;
      await world.deliver(
        Array.from({ length: 325 }, (_, n) => ({ chatId: "chat_1", sequence: from + n + 1, to: ["user_A"] })),
      );
    }
    await world.clock.advance(1000);
    for (let round = 0; round < 10; round++) drain(world, client);
    await world.clock.advance(60_000);
    expect(client.socket.closedWith).toBeUndefined();
    expect(pushed(client, "chat_1")).toEqual(Array.from({ length: 1300 }, (_, n) => n + 1));
    const types = client.socket.frames.map(({ type }) => type);
    const warning = client.socket.of("error")[0];
    expect(warning.payload).toMatchObject({
      code: "SLOW_CONSUMER",
      details: { buffer_limit: 1000, grace_period: 5 },
    });
    expect(warning.payload.details.buffer_size).toBeGreaterThan(950);
    expect(warning.request_id).toBeUndefined();
    expect(types.indexOf("error")).toBeLessThan(types.lastIndexOf("message"));
  });

  test("bounded_buffer W-2: over the bound pushes are refused, and the connection ends even if it drains", async () => {
    const world = new GatewayWorld({ rateLimitsEnabled: false, idleTimeoutMs: 10 ** 6 });
    const client = await world.connect("user_A", 1);
    client.socket.stalled = true;
    for (let batch = 0; batch < 4; batch++) {
      const from = batch * 400;
      await world.deliver(
        Array.from({ length: 400 }, (_, n) => ({ chatId: "chat_1", sequence: from + n + 1, to: ["user_A"] })),
      );
    }
    expect(client.connection.outbox?.messages).toBeLessThanOrEqual(1000);
    for (let round = 0; round < 10; round++) drain(world, client);
    await world.clock.advance(5000);
    expect(client.socket.closedWith).toEqual({ code: 1008, reason: "slow_consumer" });
  });

  test("over all connections the fullest is closed first", async () => {
    const world = new GatewayWorld({
      rateLimitsEnabled: false,
      outbox: {
        messagesMax: 1000,
        bytesMax: 100_000,
        totalBytesMax: 150_000,
        warningPercent: 80,
        criticalPercent: 95,
        gracePeriodMs: 5000,
      },
    });
    const [full, half, fine] = (await Promise.all(
      users.slice(0, 3).map((user, n) => world.connect(user, n)),
    )) as [Client, Client, Client];
    for (const { socket } of [full, half]) socket.stalled = true;
    const content = "x".repeat(4000);
    let sequence = 0;
    const push = (to: string, count: number) =>
      world.deliver(
        Array.from({ length: count }, () => ({
          chatId: `chat_${to.slice(5)}`,
          sequence: ++sequence,
          to: [to],
          content,
        })),
      );
    await push("user_A", 1);
    await push("user_B", 1);
    await push("user_A", 21);
    await push("user_B", 15);
    expect([full, half, fine].map(({ socket }) => socket.closedWith?.reason)).toEqual([
      "slow_consumer",
      undefined,
      undefined,
    ]);
  });
});
