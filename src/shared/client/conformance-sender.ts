/** MS-01 to MS-07: sending, once and in order. */
import { expect } from "bun:test";
import { chat, type Rule } from "./conformance-bench.ts";

const uuid47 = /^[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export function senderRules(rule: Rule): void {
  rule("MS-01 every message has a fresh UUID of version 4 or 7", async ({ clock, server, client, ready }) => {
    await ready();
    const ids = Array.from({ length: 20 }, () => client.send(chat, "same text").clientMessageId);
    await clock.advance(5_000);
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(uuid47);
    expect(server.messages(chat).length).toBe(20);
  });

  rule("MS-02 keeps the id over silence, errors, a lost link and a restart", async (bench) => {
    const { clock, server, client, ready, restart } = bench;
    await ready();
    let sends = 0;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message") return false;
      sends++;
      if (sends === 1) return true;
      if (sends === 2) server.error(connection, frame.request_id, "SERVICE_UNAVAILABLE");
      else if (sends === 3) connection.close(1006);
      return true;
    };
    const { clientMessageId } = client.send(chat, "once");
    await clock.runUntil(() => sends >= 4, 120_000);
    const next = await restart();
    server.onFrame = () => false;
    next.connect();
    await clock.runUntil(() => server.messages(chat).length > 0, 60_000);
    await clock.advance(60_000);
    next.kill();
    const ids = server.framesOf("send_message").map(({ frame }) => frame.payload.client_message_id);
    expect(ids.length).toBeGreaterThanOrEqual(5);
    expect(new Set(ids)).toEqual(new Set([clientMessageId]));
    expect(server.messages(chat).length).toBe(1);
  });

  rule("MS-02 an ack that was lost with its link leads to one message", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    let lost = false;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || lost) return false;
      lost = true;
      server.store(frame);
      connection.close(1006);
      return true;
    };
    const sent = client.send(chat, "once");
    await clock.runUntil(() => sent.outcome() === "acked", 60_000);
    expect(server.messages(chat).length).toBe(1);
    expect(client.shown(chat)).toEqual([1]);
  });

  rule("MS-03 every send and sync has a request_id of its own", async ({ clock, server, client, ready }) => {
    server.addChat("chat_B", 700);
    await ready();
    for (let count = 0; count < 5; count++) client.send(chat, `message ${count}`);
    await clock.advance(2_000);
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 60_000);
    const ids = server.frames.flatMap(({ frame }) =>
      frame.type === "send_message" || frame.type === "sync_request" ? [frame.request_id] : [],
    );
    expect(ids.length).toBeGreaterThanOrEqual(9);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z_-]{1,36}$/);
  });

  rule("MS-04 nothing is sent that local storage does not have yet", async (bench) => {
    const { clock, server, client, storage, ready, restart } = bench;
    await ready();
    storage.hold();
    const { clientMessageId } = client.send(chat, "kept");
    await clock.advance(3_000);
    expect(server.framesOf("send_message")).toEqual([]);
    storage.release();
    server.onFrame = (frame) => frame.type === "send_message";
    await clock.advance(1_000);
    expect(server.framesOf("send_message").length).toBe(1);
    const next = await restart();
    server.onFrame = () => false;
    next.connect();
    await clock.runUntil(() => server.messages(chat).length === 1, 60_000);
    expect(server.framesOf("send_message").at(-1)?.frame.payload.client_message_id).toBe(clientMessageId);
    await clock.advance(1_000);
    next.kill();
  });

  rule("MS-05 an id is never used for another message", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || frame.payload.content !== "refused") return false;
      server.error(connection, frame.request_id, "INVALID_CONTENT");
      return true;
    };
    const refused = client.send(chat, "refused");
    await clock.runUntil(() => refused.outcome() === "INVALID_CONTENT", 5_000);
    const next = client.send(chat, "accepted");
    await clock.runUntil(() => next.outcome() === "acked", 5_000);
    expect(next.clientMessageId).not.toBe(refused.clientMessageId);
  });

  rule("MS-06 refuses content outside 1 to 4096 bytes before sending", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    expect(() => client.send(chat, "")).toThrow();
    expect(() => client.send(chat, "a".repeat(4097))).toThrow("4097");
    expect(() => client.send(chat, "é".repeat(2049))).toThrow("4098");
    client.send(chat, "é".repeat(2048));
    await clock.advance(1_000);
    expect(server.framesOf("send_message").length).toBe(1);
    expect(server.messages(chat)[0]?.content).toBe("é".repeat(2048));
  });

  rule("MS-07 keeps what is sent while offline, connecting and syncing, in order", async (bench) => {
    const { clock, server, client } = bench;
    server.commit(chat, "missed");
    let answer = (): void => undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      answer = () => server.answer(frame, connection);
      return true;
    };
    client.send(chat, "offline");
    client.connect();
    client.send(chat, "connecting");
    await clock.advance(1_000);
    client.send(chat, "syncing");
    await clock.advance(1_000);
    expect(server.framesOf("send_message")).toEqual([]);
    answer();
    await clock.advance(1_000);
    expect(server.messages(chat).map((message) => message.content)).toEqual([
      "missed",
      "offline",
      "connecting",
      "syncing",
    ]);
  });
}
