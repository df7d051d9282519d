/** EH-01 to EH-05: errors, the unknown, measuring. */
import { expect } from "bun:test";
import { socketErrorCodes } from "../protocol/error-codes.ts";
import { chat, commit, gaps, latencyMs, type Rule, refuseSends } from "./conformance-bench.ts";
import { restError, scriptedUser } from "./scripted-server.ts";

export function errorRules(rule: Rule): void {
  for (const [code, { retry }] of Object.entries(socketErrorCodes)) {
    if (retry === "never") {
      rule(`EH-01 ${code} fails the message at once`, async ({ clock, server, client, ready }) => {
        await ready();
        server.onFrame = refuseSends(server, code);
        const sent = client.send(chat, "refused");
        const next = client.send(chat, "next");
        await clock.advance(60_000);
        expect([sent.outcome(), next.outcome()]).toEqual([code, code]);
        expect(server.framesOf("send_message").length).toBe(2);
      });
    } else {
      rule(`EH-01 ${code} is met with another attempt`, async ({ clock, server, client, ready }) => {
        await ready();
        let refusals = 0;
        server.onFrame = (frame, connection) => {
          if (frame.type !== "send_message" || refusals >= 2) return false;
          refusals++;
          server.error(connection, frame.request_id, code, { retry_after_seconds: 3 });
          return true;
        };
        const sent = client.send(chat, "in the end");
        await clock.runUntil(() => sent.outcome() !== undefined, 120_000);
        expect(sent.outcome()).toBe("acked");
        expect(server.messages(chat).length).toBe(1);
      });
    }
  }

  rule("EH-01 RATE_LIMITED waits as long as it is told", async ({ clock, server, client, ready }) => {
    await ready();
    let refused = false;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || refused) return false;
      refused = true;
      server.error(connection, frame.request_id, "RATE_LIMITED", { retry_after_seconds: 7 });
      return true;
    };
    client.send(chat, "first");
    client.send(chat, "second");
    await clock.runUntil(() => server.messages(chat).length === 2, 30_000);
    const times = server.framesOf("send_message").map((recorded) => recorded.atMs);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(7000);
    expect(server.messages(chat).map((message) => message.content)).toEqual(["first", "second"]);
  });

  rule(
    "EH-01 INTERNAL_ERROR fails the message after 3 attempts",
    async ({ clock, server, client, ready }) => {
      await ready();
      server.onFrame = refuseSends(server, "INTERNAL_ERROR");
      const sent = client.send(chat, "never");
      await clock.advance(120_000);
      expect(sent.outcome()).toBe("INTERNAL_ERROR");
      expect(server.framesOf("send_message").length).toBe(3);
    },
  );

  rule("EH-01 a code of the future counts as INTERNAL_ERROR", async ({ clock, server, client, ready }) => {
    await ready();
    server.onFrame = refuseSends(server, "QUOTA_OF_TOMORROW");
    const sent = client.send(chat, "never");
    await clock.advance(120_000);
    expect(sent.outcome()).toBe("QUOTA_OF_TOMORROW");
    expect(server.framesOf("send_message").length).toBe(3);
  });

  rule("EH-01 UNAUTHORIZED is met with a new token and a new connection", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.onCall = (call) =>
      call.path === "/users/me" && call.headers["Authorization"] === `Bearer ${scriptedUser.accessToken}`
        ? restError(401, "UNAUTHORIZED")
        : undefined;
    server.onFrame = (frame, connection) => {
      if (frame.type !== "send_message" || connection.index > 0) return false;
      server.error(connection, frame.request_id, "UNAUTHORIZED");
      return true;
    };
    const sent = client.send(chat, "with the next token");
    await clock.runUntil(() => sent.outcome() === "acked", 30_000);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-2");
  });

  rule("EH-01 session_revoked ends the session: no reconnect", async ({ clock, server, client, ready }) => {
    await ready();
    server.closing("session_revoked", 0, false);
    server.connection.close(1008);
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("EH-02 logs unknown and malformed frames and goes on", async ({ clock, server, client, ready }) => {
    await ready();
    server.connection.send({ type: "message_reaction", payload: { emoji: "heart" } });
    server.connection.sendText("not json");
    server.connection.sendText('"a string"');
    server.connection.send({ type: "message" });
    server.commitAndPush(chat, "after all that");
    await clock.advance(100);
    expect(client.logged()).toContain("message_reaction");
    expect(client.logged().length).toBeGreaterThanOrEqual(4);
    expect(client.shown(chat)).toEqual([1]);
    expect(server.connections.length).toBe(1);
  });

  rule("EH-02 known frames of the wrong shape are logged, too", async ({ clock, server, client, ready }) => {
    await ready();
    const types = [
      "message",
      "send_message_ack",
      "sync_response",
      "error",
      "typing_indicator",
      "heartbeat_ack",
    ];
    const payloads = [{}, [], { chat_id: 5, sequence: "7", messages: 3, code: null }, { sequence: -1 }];
    for (const type of types) {
      for (const payload of payloads) server.connection.send({ type, request_id: "r1", payload });
    }
    server.onFrame = (frame, connection) => {
      if (frame.type !== "sync_request" || connection.index > 0) return false;
      connection.send({ type: "sync_response", request_id: frame.request_id, payload: {} });
      return true;
    };
    const [, second] = commit(server, 2);
    if (second !== undefined) server.push(second);
    await clock.advance(30_000);
    expect(client.shown(chat)).toContain(2);
    server.connection.close(1006);
    await clock.runUntil(() => client.shown(chat).length === 2, 20_000);
  });

  rule("EH-03 a refusal is no memory: the next send is tried", async ({ clock, server, client, ready }) => {
    await ready();
    server.removeChat(chat);
    const refused = client.send(chat, "not a member");
    await clock.runUntil(() => refused.outcome() === "NOT_A_MEMBER", 5_000);
    server.addChat(chat, 0);
    const sent = client.send(chat, "a member again");
    await clock.runUntil(() => sent.outcome() === "acked", 5_000);
  });

  rule("EH-04 SERVICE_UNAVAILABLE is retried with back-off for as long as it takes", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.onFrame = refuseSends(server, "SERVICE_UNAVAILABLE");
    const sent = client.send(chat, "patient");
    await clock.advance(20 * 60_000);
    expect(sent.outcome()).toBeUndefined();
    const waits = gaps(server.framesOf("send_message").map((recorded) => recorded.atMs));
    expect(waits.length).toBeGreaterThan(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000 + 3 * latencyMs);
    server.onFrame = () => false;
    await clock.runUntil(() => sent.outcome() === "acked", 31_000);
  });

  rule("EH-05 measures and reports round trips", async ({ clock, server, client, ready }) => {
    await ready();
    await clock.advance(11_000);
    expect(server.framesOf("heartbeat").length).toBeGreaterThanOrEqual(2);
    expect(client.roundTrips().length).toBeGreaterThanOrEqual(2);
    for (const roundTripMs of client.roundTrips()) expect(roundTripMs).toBe(2 * latencyMs);
  });
}
