/** RS-01 to RS-05: fetching what was missed. */
import { expect } from "bun:test";
import { protocolLimits } from "../protocol/protocol-limits.ts";
import { chat, commit, type Rule } from "./conformance-bench.ts";

export function syncerRules(rule: Rule): void {
  rule("RS-01 syncs all chats after a reconnect", async ({ clock, server, client, ready }) => {
    server.addChat("chat_B", 1);
    await ready();
    server.connection.close(1006);
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 10_000);
    const synced = server
      .framesOf("sync_request")
      .filter((recorded) => recorded.connection === 1)
      .map(({ frame }) => frame.payload.chat_id);
    expect(new Set(synced)).toEqual(new Set([chat, "chat_B"]));
  });

  rule("RS-01 misses nothing that was said while it was away, over many pages", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.connection.close(1006);
    for (let count = 0; count < 1203; count++) server.commit(chat, "missed");
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      // A server may cut a page short of what was asked for.
      const { payload } = frame;
      server.answer(
        { ...frame, payload: { ...payload, limit: Math.min(payload.limit ?? 100, 300) } },
        connection,
      );
      return true;
    };
    await clock.runUntil(() => client.ready() && server.connections.length === 2, 30_000);
    await clock.advance(1_000);
    expect(server.watermark(chat)).toBe(1203);
  });

  rule("RS-01 pushes that come while syncing take their place behind the pages", async (bench) => {
    const { clock, server, client } = bench;
    for (let count = 0; count < 5; count++) server.commit(chat, "missed");
    let held: (() => void) | undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request" || held !== undefined) return false;
      held = () => server.answer(frame, connection);
      return true;
    };
    client.connect();
    await clock.advance(500);
    server.commitAndPush(chat, "live");
    await clock.advance(500);
    expect(client.shown(chat)).toEqual([]);
    held?.();
    await clock.advance(500);
    expect(client.shown(chat)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  rule("RS-01 more pushes than fit while syncing are fetched instead", async ({ clock, server, client }) => {
    const { chat_id: _, ...missed } = server.commit(chat, "missed");
    let held: (() => void) | undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request" || held !== undefined) return false;
      // Read before the rest was committed, answered after it was pushed.
      held = () =>
        connection.send({
          type: "sync_response",
          request_id: frame.request_id,
          timestamp: missed.created_at,
          payload: { chat_id: chat, messages: [missed], has_more: false },
        });
      return true;
    };
    client.connect();
    await clock.advance(500);
    for (const message of commit(server, 2500)) server.push(message);
    await clock.advance(500);
    held?.();
    await clock.runUntil(() => server.watermark(chat) === 2501, 20_000);
  });

  rule("RS-02 the cursor is the local one, not the server's", async ({ clock, server, ready, restart }) => {
    for (let count = 0; count < 4; count++) server.commit(chat, "seen");
    await ready();
    await clock.advance(1_000);
    server.commit(chat, "missed here");
    // Another device of the user has acknowledged more.
    server.answer({ type: "ack", payload: { chat_id: chat, last_acked_sequence: 5 } }, server.connection);
    const before = server.framesOf("sync_request").length;
    const next = await restart();
    next.connect();
    await clock.runUntil(() => next.ready(), 10_000);
    const [request] = server.framesOf("sync_request").slice(before);
    expect(request?.frame.payload.last_acked_sequence).toBe(4);
    next.kill();
  });

  rule("RS-03 reconnects and syncs after slow_consumer", async ({ clock, server, client, ready }) => {
    await ready();
    server.error(server.connection, undefined, "SLOW_CONSUMER", {
      buffer_size: 960,
      buffer_limit: 1000,
      grace_period: 5,
    });
    commit(server, 3);
    server.closing("slow_consumer", 0, true);
    server.connection.close(1008);
    await clock.runUntil(() => client.shown(chat).length === 3, 20_000);
    expect(server.connections.length).toBe(2);
  });

  rule("RS-03 a bare 1006 is treated the same", async ({ clock, server, client, ready }) => {
    await ready();
    commit(server, 3);
    server.connection.close(1006);
    await clock.runUntil(() => client.shown(chat).length === 3, 20_000);
  });

  for (const code of ["NOT_A_MEMBER", "FORBIDDEN"] as const) {
    rule(`RS-04 never repeats a sync that was refused with ${code}`, async ({ clock, server, client }) => {
      let refused = 0;
      server.onFrame = (frame, connection) => {
        if (frame.type !== "sync_request") return false;
        refused++;
        server.error(connection, frame.request_id, code);
        return true;
      };
      commit(server, 1);
      client.connect();
      await clock.runUntil(() => client.ready(), 10_000);
      await clock.advance(120_000);
      expect(refused).toBe(1);
    });

    rule(`RS-04 never repeats a send that was refused with ${code}`, async (bench) => {
      const { clock, server, client, ready } = bench;
      await ready();
      server.onFrame = (frame, connection) => {
        if (frame.type !== "send_message") return false;
        server.error(connection, frame.request_id, code);
        return true;
      };
      const sent = client.send(chat, "no");
      await clock.advance(120_000);
      expect(sent.outcome()).toBe(code);
      expect(server.framesOf("send_message").length).toBe(1);
    });
  }

  rule("RS-05 syncs in parallel, at most 5 at once and 5 in a second", async ({ clock, server, client }) => {
    for (let count = 0; count < 14; count++) server.addChat(`chat_N${count}`, 2);
    let open = 0;
    let most = 0;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request") return false;
      open++;
      most = Math.max(most, open);
      clock.setTimer(2500, () => {
        open--;
        server.answer(frame, connection);
      });
      return true;
    };
    client.connect();
    await clock.runUntil(() => client.ready(), 30_000);
    expect(most).toBe(protocolLimits.syncsInFlightMax);
    const times = server.framesOf("sync_request").map((recorded) => recorded.atMs);
    expect(times.length).toBeGreaterThanOrEqual(14);
    for (const [index, atMs] of times.entries()) {
      const sixth = times[index + 5];
      if (sixth !== undefined) expect(sixth - atMs).toBeGreaterThan(1000);
    }
    for (let count = 0; count < 14; count++) expect(client.shown(`chat_N${count}`)).toEqual([1, 2]);
  });

  rule("RS-05 the loss of a quiet chat's last push is noticed within minutes", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.commit(chat, "pushed to nobody");
    await clock.runUntil(() => client.shown(chat).length === 1, 7 * 60_000);
    expect(server.connections.length).toBe(1);
    server.commit(chat, "again");
    await clock.runUntil(() => client.shown(chat).length === 2, 7 * 60_000);
  });

  rule(
    "RS-05 with a thousand chats only those that lag are synced",
    async ({ clock, server, client, ready }) => {
      for (let count = 0; count < 1000; count++) server.addChat(`chat_M${count}`, 0);
      await ready();
      server.connection.close(1006);
      server.commit("chat_M7", "missed");
      server.commit("chat_M700", "missed");
      await clock.runUntil(() => client.ready() && server.connections.length === 2, 5_000);
      expect(client.shown("chat_M700")).toEqual([1]);
      const again = server.framesOf("sync_request").filter((recorded) => recorded.connection === 1);
      expect(again.map(({ frame }) => frame.payload.chat_id).sort()).toEqual(["chat_M7", "chat_M700"]);
    },
  );
}
