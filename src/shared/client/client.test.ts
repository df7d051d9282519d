/** Goal: a user's first steps work. Method: the client against the scripted server on a virtual clock. */
import { expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { TriplaneClient } from "./client.ts";
import { ScriptedServer, scriptedUser } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";

async function start(storage = new MemoryStorage()) {
  const clock = new VirtualClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs: 5 });
  const client = await TriplaneClient.open({
    baseUrl: "http://server.test",
    clock,
    random: new SeededRandom(1),
    sockets: server.sockets,
    fetch: server.fetch,
    storage,
  });
  return { clock, server, client, storage };
}

test("login, connect, send, receive, ack, close", async () => {
  const { clock, server, client } = await start();
  server.addChat("chat_A", 3);
  const verified = client.login("+14155551234", "000000");
  await clock.advance(50);
  expect((await verified).user.user_id).toBe(scriptedUser.userId);

  const received: number[] = [];
  client.on("timelineAdvanced", ({ messages }) => received.push(...messages.map((one) => one.sequence)));
  const connected = client.connect();
  await clock.advance(100);
  await connected;
  expect(client.state).toBe("Ready");
  expect(received).toEqual([1, 2, 3]);
  expect(server.watermark("chat_A")).toBe(3);

  const outgoing = client.send("chat_A", "hello");
  await clock.advance(50);
  expect((await outgoing.acked).message).toMatchObject({ sequence: 4, content: "hello" });
  server.commitAndPush("chat_A", "an answer");
  await clock.advance(10_000);
  expect(received).toEqual([1, 2, 3, 4, 5]);
  expect(server.watermark("chat_A")).toBe(5);
  expect((await client.messages("chat_A")).map((one) => one.content)).toEqual([
    "message 1",
    "message 2",
    "message 3",
    "hello",
    "an answer",
  ]);

  const closed = client.close();
  await clock.advance(100);
  await closed;
  expect(server.connection.ended).toMatchObject({ by: "client", code: 1000 });
  expect(clock.pendingTimers).toBe(0);
});

test("a cut link is found by heartbeats, the client comes back and misses nothing", async () => {
  const { clock, server, client } = await start();
  server.addChat("chat_A", 1);
  await client.useSession(scriptedUser);
  const connected = client.connect();
  await clock.advance(100);
  await connected;
  server.connection.cut();
  server.commitAndPush("chat_A", "never arrives by push");
  const outgoing = client.send("chat_A", "goes out after the reconnect");
  await clock.advance(60_000);
  expect((await outgoing.acked).message.sequence).toBe(3);
  expect(client.timeline("chat_A").map((one) => one.sequence)).toEqual([1, 2, 3]);
  expect(server.connections.length).toBe(2);
  client.abandon();
  await clock.advance(10);
  expect(clock.pendingTimers).toBe(0);
});
