/** Goal: the defaults work on a real port. Method: the scripted server behind Bun.serve, nothing injected. */
import { expect, test } from "bun:test";
import { TriplaneClient } from "./client.ts";
import { ConnectionStoppedError } from "./client-errors.ts";
import { platformClock } from "./platform.ts";
import { serveScripted } from "./scripted-listener.ts";
import { ScriptedServer, scriptedUser } from "./scripted-server.ts";

const newServer = (): ScriptedServer =>
  new ScriptedServer({ clock: platformClock, supportsHeaders: true, latencyMs: 0 });

test("connects with headers, sends, receives, closes with 1000", async () => {
  const server = newServer();
  server.addChat("chat_A", 2);
  await using served = serveScripted(server);
  const client = await TriplaneClient.open({ baseUrl: served.baseUrl });
  await client.useSession(scriptedUser);
  await client.connect();
  expect(server.upgrades[0]?.headers["Authorization"]).toBe(`Bearer ${scriptedUser.accessToken}`);
  expect((await client.send("chat_A", "over a real socket").acked).message.sequence).toBe(3);
  const received = client.next("messageReceived");
  server.commitAndPush("chat_A", "and back");
  expect((await received).message.content).toBe("and back");
  await client.close();
  expect(server.connection.ended).toMatchObject({ by: "client", code: 1000 });
});

test("a server that is not there leads to a back-off, not to an exception", async () => {
  const served = serveScripted(newServer());
  const { baseUrl } = served;
  await served[Symbol.asyncDispose]();
  const client = await TriplaneClient.open({ baseUrl });
  await client.useSession(scriptedUser);
  const lost = client.next("stateChanged", (transition) => transition.to === "Disconnected");
  const connected = client.connect();
  await lost;
  expect(client.status).toBe("reconnecting");
  await client.disconnect();
  await expect(connected).rejects.toBeInstanceOf(ConnectionStoppedError);
  await client.close();
});

test("a pending timer can be cancelled, a long delay does not fire at once", async () => {
  let fired = false;
  const long = platformClock.setTimer(2 ** 31 + 5, () => {
    fired = true;
  });
  const short = platformClock.setTimer(1, () => {
    fired = true;
  });
  short.cancel();
  await new Promise<void>((resolve) => platformClock.setTimer(5, resolve));
  long.cancel();
  expect(fired).toBe(false);
});
