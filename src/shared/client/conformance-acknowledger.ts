/** AK-01 to AK-06: telling the server what is stored here. */
import { expect } from "bun:test";
import { acks, chat, commit, latencyMs, type Rule } from "./conformance-bench.ts";

export function acknowledgerRules(rule: Rule): void {
  rule("AK-01 acknowledges cumulatively, never past a hole", async ({ clock, server, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "sync_request";
    const messages = commit(server, 6);
    for (const index of [0, 1, 2, 4, 5]) server.push(messages[index] as (typeof messages)[number]);
    await clock.advance(6_000);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-02 one ack for many messages", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 9)) server.push(message);
    await clock.advance(20_000);
    expect(acks(server)).toEqual([9]);
  });

  rule("AK-03 no ack before local storage has the messages", async ({ clock, server, storage, ready }) => {
    await ready();
    storage.hold();
    for (const message of commit(server, 12)) server.push(message);
    await clock.advance(20_000);
    expect(acks(server)).toEqual([]);
    storage.release();
    await clock.advance(6_000);
    expect(acks(server).at(-1)).toBe(12);
  });

  rule("AK-03 storage that fails is no storage", async ({ clock, server, storage, client, ready }) => {
    await ready();
    storage.failNext(3);
    for (const message of commit(server, 2)) server.push(message);
    await clock.advance(100);
    expect(client.shown(chat)).toEqual([1, 2]);
    await clock.runUntil(() => server.watermark(chat) === 2, 60_000);
    expect(client.logged().length).toBeGreaterThanOrEqual(3);
  });

  rule("AK-04 flushes acks before it closes", async ({ clock, server, client, ready }) => {
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    await clock.advance(100);
    expect(acks(server)).toEqual([]);
    const disconnected = client.disconnect();
    await clock.advance(1_000);
    await disconnected;
    expect(acks(server)).toEqual([3]);
    expect(server.connection.ended).toMatchObject({ by: "client", code: 1000 });
  });

  rule("AK-04 flushes acks on connection_closing", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    server.closing("server_shutdown", 60_000, true);
    await clock.advance(1_000);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-05 keeps one position per chat", async ({ clock, server, ready }) => {
    server.addChat("chat_B", 0);
    await ready();
    for (const message of commit(server, 3)) server.push(message);
    for (const message of commit(server, 2, "chat_B")) server.push(message);
    await clock.advance(6_000);
    expect([server.watermark(chat), server.watermark("chat_B")]).toEqual([3, 2]);
    expect(server.framesOf("ack").length).toBe(2);
  });

  rule("AK-06 acknowledges after 10 messages at once, else after 5 s", async ({ clock, server, ready }) => {
    await ready();
    for (const message of commit(server, 10)) server.push(message);
    await clock.advance(3 * latencyMs);
    expect(acks(server)).toEqual([10]);
    const message = server.commitAndPush(chat, "one more");
    await clock.advance(4_900);
    expect(acks(server)).toEqual([10]);
    await clock.advance(200);
    expect(acks(server)).toEqual([10, message.sequence]);
  });

  rule("AK-05 an ack that was lost with its link is told again", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = (frame) => frame.type === "ack";
    for (const message of commit(server, 3)) server.push(message);
    await clock.advance(6_000);
    expect([acks(server), server.watermark(chat)]).toEqual([[3], 0]);
    server.onFrame = () => false;
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 10_000);
    await clock.advance(6_000);
    expect(server.watermark(chat)).toBe(3);
  });

  rule("AK-06 acknowledges at once after a sync", async ({ clock, server, ready }) => {
    for (let count = 0; count < 3; count++) server.commit(chat, "missed");
    await ready();
    await clock.advance(3 * latencyMs);
    expect(acks(server)).toEqual([3]);
  });

  rule("AK-06 own messages count as received once they are acknowledged", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    const sent = client.send(chat, "mine");
    await clock.runUntil(() => sent.outcome() === "acked", 1_000);
    await clock.advance(5_100);
    expect(server.watermark(chat)).toBe(1);
  });
}
