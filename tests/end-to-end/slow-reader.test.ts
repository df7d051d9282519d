/**
 * Goal: a client that does not read is warned, closed by name, and finds everything when it comes back; others notice
 * nothing. Method: a real server, a TCP connection that stops reading until kernel and server buffers are full.
 */
import { expect, test } from "bun:test";
import { StandaloneServer } from "./standalone-server.ts";

const batch = 100;

test("WS-B-01 WS-B-02 WS-B-03 S-10 I-10 G-08 slow_consumer_not_silent: warned, closed, and nothing is missing after the sync", async () => {
  await using server = await StandaloneServer.start();
  const [alice, bob, carol] = (await Promise.all([1, 2, 3].map(() => server.logIn()))) as [
    Awaited<ReturnType<StandaloneServer["logIn"]>>,
    Awaited<ReturnType<StandaloneServer["logIn"]>>,
    Awaited<ReturnType<StandaloneServer["logIn"]>>,
  ];
  const chat = await server.group(alice, bob, carol);
  const [sender, slow, quick] = await Promise.all(
    [alice, bob, carol].map((person) => server.connect(person)),
  );
  if (sender === undefined || slow === undefined || quick === undefined) throw new Error("no sockets");
  slow.stopReading();
  const content = "x".repeat(4000);
  const beat = (): void => {
    for (const socket of [slow, sender, quick]) socket.send({ type: "heartbeat", payload: {} });
  };
  let sent = 0;
  // Until the server has seen its fill: kernel buffers first, then the outbox, then the grace.
  while (!server.log.includes("slow_consumer_closed")) {
    if (sent < 9000) {
      const ids = Array.from({ length: batch }, () => crypto.randomUUID());
      for (const id of ids) {
        sender.send({
          type: "send_message",
          request_id: `r${++sent}`,
          payload: { client_message_id: id, chat_id: chat, content },
        });
      }
      await sender.next("send_message_ack", (ack) => ack.request_id === `r${sent}`);
      await quick.next("message", (push) => push.payload.sequence === sent);
    } else await Bun.sleep(100);
    beat();
  }
  slow.readAgain();
  const closed = await slow.closed();
  // The code may be lost with what was in flight (RFC 6455, 7.1.5): then it is seen as 1006.
  expect([1008, 1006]).toContain(closed.code);
  const pushed = slow.all.filter(({ type }) => type === "message").map(({ payload }) => payload.sequence);
  expect(pushed).toEqual(pushed.map((_, index) => index + 1));
  const warning = slow.all.findIndex(
    ({ type, payload }) => type === "error" && payload.code === "SLOW_CONSUMER",
  );
  const closing = slow.all.findIndex(({ type }) => type === "connection_closing");
  if (closed.code === 1008) {
    expect(warning).toBeGreaterThan(0);
    expect(closing).toBeGreaterThan(warning);
    expect(slow.all[closing].payload).toMatchObject({ reason: "slow_consumer", reconnect_allowed: true });
  }
  const again = await server.connect(bob);
  const cursor = pushed.length;
  const missed: number[] = [];
  for (let after = cursor, more = true; more; after = missed.at(-1) ?? after) {
    const page = await again.ask({
      type: "sync_request",
      request_id: `s${after}`,
      payload: { chat_id: chat, last_acked_sequence: after, limit: 500 },
    });
    missed.push(...page.payload.messages.map(({ sequence }: { sequence: number }) => sequence));
    more = page.payload.has_more;
  }
  expect(missed).toEqual(Array.from({ length: sent - cursor }, (_, n) => cursor + n + 1));
  expect(quick.all.filter(({ type }) => type === "connection_closing")).toEqual([]);
}, 120_000);
