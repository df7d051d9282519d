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

test("an unknown chat in a push is described, its history fetched, its message shown once", async () => {
  const { clock, server, client } = await start();
  await client.useSession(scriptedUser);
  const connected = client.connect();
  await clock.advance(100);
  await connected;
  server.addChat("chat_NEW", 2);
  const described: string[] = [];
  client.on("chatUpdated", ({ chat }) => described.push(chat.chat_id));
  server.commitAndPush("chat_NEW", "welcome");
  await clock.advance(1_000);
  expect(described).toEqual(["chat_NEW"]);
  expect(client.timeline("chat_NEW").map((one) => one.sequence)).toEqual([1, 2, 3]);
  client.abandon();
});

test("startFrom watermark begins behind what the account has acknowledged", async () => {
  const clock = new VirtualClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs: 5 });
  server.addChat("chat_A", 50);
  const client = await TriplaneClient.open({
    baseUrl: "http://server.test",
    clock,
    random: new SeededRandom(1),
    sockets: server.sockets,
    fetch: server.fetch,
    storage: new MemoryStorage(),
    startFrom: "watermark",
  });
  server.onCall = (call) =>
    call.path === "/delivery-state"
      ? {
          status: 200,
          body: {
            data: [
              {
                chat_id: "chat_A",
                last_acked_sequence: 48,
                current_sequence: 50,
                unread_count: 2,
                updated_at: null,
              },
            ],
          },
        }
      : undefined;
  await client.useSession(scriptedUser);
  const connected = client.connect();
  await clock.advance(100);
  await connected;
  expect(client.timeline("chat_A").map((one) => one.sequence)).toEqual([49, 50]);
  client.abandon();
});

test("messages are kept to the configured number, in memory and in storage", async () => {
  const storage = new MemoryStorage();
  const clock = new VirtualClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs: 5 });
  server.addChat("chat_A", 700);
  const client = await TriplaneClient.open({
    baseUrl: "http://server.test",
    clock,
    random: new SeededRandom(1),
    sockets: server.sockets,
    fetch: server.fetch,
    storage,
    messagesPerChatMax: 20,
  });
  await client.useSession(scriptedUser);
  const connected = client.connect();
  await clock.advance(1_000);
  await connected;
  expect(client.cursor("chat_A")).toBe(700);
  expect(client.timeline("chat_A").length).toBe(20);
  expect((await client.messages("chat_A", { limit: 1000 })).map((one) => one.sequence)).toEqual(
    Array.from({ length: 20 }, (_, index) => 681 + index),
  );
  expect(
    (await client.messages("chat_A", { beforeSequence: 690, limit: 3 })).map((one) => one.sequence),
  ).toEqual([687, 688, 689]);
  client.abandon();
});

test("a wrong local clock is measured", async () => {
  const { clock, server, client } = await start();
  server.clockAheadMs = 90_000;
  await client.useSession(scriptedUser);
  client.connect().catch(() => undefined);
  await clock.advance(20_000);
  expect(client.clockOffsetMs).toBe(90_000);
  expect(client.roundTripMs).toBe(10);
  client.abandon();
});

test("a listener that throws harms nobody and is reported", async () => {
  const { clock, server, client } = await start();
  server.addChat("chat_A", 1);
  await client.useSession(scriptedUser);
  const codes: string[] = [];
  const received: number[] = [];
  client.on("timelineAdvanced", () => {
    throw new Error("in the page");
  });
  client.on("timelineAdvanced", ({ cursor }) => received.push(cursor));
  client.on("error", ({ code }) => codes.push(code));
  const connected = client.connect();
  await clock.advance(1_000);
  await connected;
  expect([codes, received]).toEqual([["LISTENER_FAILED"], [1]]);
  expect(server.watermark("chat_A")).toBe(1);
  client.abandon();
});

test("connect rejects with its signal's reason, with the server's word, and after a disconnect", async () => {
  const { clock, server, client } = await start();
  await client.useSession(scriptedUser);
  const controller = new AbortController();
  server.onUpgrade = () => 503;
  const aborted = client.connect(controller.signal);
  controller.abort(new Error("too slow"));
  await expect(aborted).rejects.toThrow("too slow");
  const disconnected = client.connect();
  await client.disconnect();
  await expect(disconnected).rejects.toThrow("disconnected");
  server.onUpgrade = () => 403;
  const refused = client.connect();
  refused.catch(() => undefined);
  await clock.advance(1_000);
  await expect(refused).rejects.toThrow("refused_403");
  client.abandon();
});

test.each([
  ["with six chats, found by comparing counters", 6, true],
  ["without asking for counters, by the sync itself", 1, false],
])("an ack that died with its connection is repeated: %s", async (_, chats, discoverChats) => {
  const clock = new VirtualClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs: 5 });
  for (let count = 0; count < chats; count++) server.addChat(`chat_${count}`, 1);
  const client = await TriplaneClient.open({
    baseUrl: "http://server.test",
    clock,
    random: new SeededRandom(1),
    sockets: server.sockets,
    fetch: server.fetch,
    storage: new MemoryStorage(),
    discoverChats,
  });
  await client.useSession(scriptedUser);
  client.connect().catch(() => undefined);
  await clock.advance(5_000);
  if (!discoverChats) {
    server.commitAndPush("chat_0", "how a chat becomes known");
    await clock.advance(1_000);
  }
  server.onFrame = (frame) => frame.type === "ack";
  const { sequence } = server.commitAndPush("chat_0", "acknowledged in vain");
  await clock.advance(6_000);
  expect(server.watermark("chat_0")).toBeLessThan(sequence);
  server.onFrame = () => false;
  server.connection.close(1006);
  await clock.advance(5_000);
  expect(server.watermark("chat_0")).toBe(sequence);
  client.abandon();
});

test("a gateway that keeps refusing a good token is not asked in a loop", async () => {
  const { clock, server, client } = await start();
  server.addChat("chat_A", 1);
  server.onFrame = (frame, connection) => {
    if (frame.type !== "sync_request") return false;
    server.error(connection, frame.request_id, "UNAUTHORIZED");
    return true;
  };
  await client.useSession(scriptedUser);
  client.connect().catch(() => undefined);
  await clock.advance(60_000);
  expect(server.upgrades.length).toBeLessThanOrEqual(8);
  server.onFrame = () => false;
  await clock.advance(30_000);
  expect(client.state).toBe("Ready");
  client.abandon();
});
