/**
 * Goal: learned topics reach exactly whom the last recipient list names. Method: the gateway on a virtual clock with
 * sockets that count subscriptions.
 */
import { describe, expect, test } from "bun:test";
import { GatewayWorld } from "../../tests/fakes/gateway-world.ts";

const abc = ["user_A", "user_B", "user_C"];

async function open() {
  const world = new GatewayWorld({ rateLimitsEnabled: false, idleTimeoutMs: 10 ** 9 });
  const clients = await Promise.all(abc.map((userId, index) => world.connect(userId, index)));
  const seen = () => clients.map(({ socket }) => socket.of("message").map(({ payload }) => payload.sequence));
  return { world, clients, seen };
}

describe("topics", () => {
  test("a steady chat costs one publish a message, and each connection gets it once", async () => {
    const { world, seen } = await open();
    for (let sequence = 1; sequence <= 5; sequence++) {
      await world.deliver([{ chatId: "chat_1", sequence, to: abc }]);
      await world.clock.advance(1);
    }
    expect(world.network.publishes).toBe(5);
    expect(seen()).toEqual(Array(3).fill([1, 2, 3, 4, 5]));
  });

  test("a recipient list unsubscribes those it no longer names, and a small chat needs no topic", async () => {
    const { world, clients, seen } = await open();
    await world.deliver([{ chatId: "chat_1", sequence: 1, to: abc }]);
    expect(clients.map(({ socket }) => socket.topics.size)).toEqual([1, 1, 1]);
    await world.deliver([{ chatId: "chat_1", sequence: 2, to: ["user_A", "user_B"] }]);
    expect(clients.map(({ socket }) => socket.topics.size)).toEqual([0, 0, 0]);
    expect(seen()).toEqual([[1, 2], [1, 2], [1]]);
    expect(world.network.publishes).toBe(1);
  });

  test("W-14 the originating connection is left out, the sender's other device is not", async () => {
    const { world, clients, seen } = await open();
    const other = await world.connect("user_A", 9);
    await world.deliver([
      { chatId: "chat_1", sequence: 1, to: abc, exclude: clients[0]?.connection.init.connectionId ?? "" },
    ]);
    expect(seen()).toEqual([[], [1], [1]]);
    expect(other.socket.of("message")).toHaveLength(1);
  });

  test("a recipient that connects later is in at once, one that left is out", async () => {
    const { world, clients, seen } = await open();
    await world.deliver([{ chatId: "chat_1", sequence: 1, to: abc }]);
    const later = await world.connect("user_B", 8);
    const [first] = clients;
    if (first !== undefined) world.gateway.onClosed(first.connection);
    first?.socket.close(1000, "");
    await world.deliver([{ chatId: "chat_1", sequence: 2, to: abc }]);
    expect(seen()).toEqual([[1], [1, 2], [1, 2]]);
    expect(later.socket.of("message").map(({ payload }) => payload.sequence)).toEqual([2]);
    expect(world.network.publishes).toBe(2);
  });

  test("a topic that is unused for five minutes is forgotten", async () => {
    const { world, clients } = await open();
    await world.deliver([{ chatId: "chat_1", sequence: 1, to: abc }]);
    await world.clock.advance(601_000);
    expect(clients.map(({ socket }) => socket.topics.size)).toEqual([0, 0, 0]);
  });
});
