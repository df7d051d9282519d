/** CL-01 to CL-08: connecting, staying connected, coming back. */
import { expect } from "bun:test";
import { chat, gaps, latencyMs, type Rule } from "./conformance-bench.ts";
import { restError, scriptedUser } from "./scripted-server.ts";

export function connectorRules(rule: Rule): void {
  rule("CL-01 authenticates by header, with nothing secret in the URL", async ({ server, ready }) => {
    await ready();
    const [upgrade] = server.upgrades;
    expect(upgrade?.headers["Authorization"]).toBe(`Bearer ${scriptedUser.accessToken}`);
    expect(upgrade?.url).not.toContain(scriptedUser.accessToken);
  });

  rule(
    "CL-01 authenticates by query where headers cannot be set",
    async ({ server, ready }) => {
      await ready();
      expect(new URL(server.upgrades[0]?.url ?? "").searchParams.get("token")).toBe(scriptedUser.accessToken);
    },
    false,
  );

  rule("CL-01 a refused token is refreshed once, then used", async ({ server, ready }) => {
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    await ready();
    expect(server.calls.filter((call) => call.path === "/auth/refresh").length).toBe(1);
  });

  rule("CL-02 puts device_id in the connection URL", async ({ server, ready }) => {
    await ready();
    const url = new URL(server.upgrades[0]?.url ?? "");
    expect(url.pathname).toBe("/ws/v1");
    expect(url.searchParams.get("device_id")).toBe(scriptedUser.deviceId);
  });

  rule("CL-03 sends nothing before connection_established, and gives up after 10 s", async (bench) => {
    const { clock, server, client } = bench;
    server.onUpgrade = () => "silence";
    client.connect();
    client.send(chat, "waits");
    await clock.advance(9_900);
    expect(server.upgrades.length).toBe(1);
    await clock.advance(5_000);
    expect(server.upgrades.length).toBeGreaterThan(1);
    expect(server.frames).toEqual([]);
  });

  rule(
    "CL-03 an upgrade that is never answered is given up after 10 s",
    async ({ clock, server, client }) => {
      server.onUpgrade = () => "hang";
      client.connect();
      await clock.advance(12_000);
      expect(server.upgrades.length).toBeGreaterThan(1);
    },
  );

  rule("CL-04 heartbeats at the announced interval, within a tenth", async ({ clock, server, ready }) => {
    server.heartbeatIntervalMs = 7000;
    await ready();
    await clock.advance(100_000);
    const times = server.framesOf("heartbeat").map((recorded) => recorded.atMs);
    expect(times.length).toBeGreaterThanOrEqual(13);
    for (const gap of gaps(times)) {
      expect(gap).toBeGreaterThanOrEqual(6300);
      expect(gap).toBeLessThanOrEqual(7700);
    }
  });

  rule("CL-04 heartbeats also while syncing", async ({ clock, server, client }) => {
    server.commit(chat, "missed");
    server.onFrame = (frame) => frame.type === "sync_request";
    client.connect();
    await clock.advance(9_000);
    expect(client.ready()).toBe(false);
    expect(server.framesOf("heartbeat").length).toBeGreaterThanOrEqual(1);
  });

  rule("CL-04 without heartbeat_ack for 10 s drops the link and reconnects", async (bench) => {
    const { clock, server, ready } = bench;
    await ready();
    server.onFrame = (frame) => frame.type === "heartbeat";
    await clock.advance(14_400);
    expect(server.upgrades.length).toBe(1);
    await clock.advance(3_000);
    expect(server.upgrades.length).toBe(2);
  });

  rule("CL-05 on connection_closing stops sending, closes, and comes back not too early", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.closing("server_shutdown", 5000, true);
    await clock.advance(latencyMs);
    const closingAtMs = clock.nowMs();
    client.send(chat, "for the next connection");
    await clock.advance(4_900);
    expect(server.connections[0]?.ended).toMatchObject({ by: "client", code: 1000 });
    expect(server.framesOf("send_message")).toEqual([]);
    expect(server.upgrades.length).toBe(1);
    await clock.runUntil(() => server.framesOf("send_message").length === 1, 3_000);
    expect(server.upgrades[1]?.atMs).toBeGreaterThanOrEqual(closingAtMs + 5000);
    expect(server.framesOf("send_message")[0]?.connection).toBe(1);
  });

  rule("CL-05 stays away when it may not come back", async ({ clock, server, client, ready }) => {
    await ready();
    server.closing("duplicate_connection", 0, false);
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("CL-05 an unknown reason is handled by reconnect_allowed", async ({ clock, server, ready }) => {
    await ready();
    server.closing("moon_in_the_seventh_house", 1000, true);
    await clock.advance(5_000);
    expect(server.upgrades.length).toBe(2);
  });

  rule("CL-06 backs off with full jitter up to 30 s, for as long as it takes", async (bench) => {
    const { clock, server, client } = bench;
    server.onUpgrade = () => 503;
    client.connect();
    await clock.advance(3_600_000);
    const waits = gaps(server.upgrades.map((upgrade) => upgrade.atMs)).map((gap) => gap - 2 * latencyMs);
    expect(waits.length).toBeGreaterThan(100);
    for (const [attempt, waitMs] of waits.entries()) {
      expect(waitMs).toBeLessThanOrEqual(Math.min(30_000, 1000 * 2 ** attempt) + latencyMs);
    }
    const late = waits.slice(5);
    // Uniform in [0, 30 s]: of a hundred draws some lie in each third.
    for (const third of [0, 1, 2]) {
      expect(late.some((waitMs) => Math.floor(waitMs / 10_001) === third)).toBe(true);
    }
    server.onUpgrade = () => "accept";
    await clock.runUntil(() => client.ready(), 31_000);
    server.connection.close(1006);
    await clock.advance(1_100);
    expect(server.connections.length, "the back-off starts over after a connection").toBe(2);
  });

  rule("CL-06 attempts that fail for no known reason lead to one question over REST", async (bench) => {
    const { clock, server, client } = bench;
    // As in a browser: the socket only says 1006.
    server.onUpgrade = () => ({ close: 1006 });
    server.onCall = (call) =>
      restError(401, call.path === "/auth/refresh" ? "INVALID_REFRESH_TOKEN" : "UNAUTHORIZED");
    client.connect();
    await clock.advance(600_000);
    expect(server.upgrades.length).toBeLessThanOrEqual(3);
    expect(client.status()).toBe("offline");
  });

  rule("CL-06 a refusal that cannot get better ends the attempts", async ({ clock, server, client }) => {
    server.onUpgrade = () => 403;
    client.connect();
    await clock.advance(600_000);
    expect(server.upgrades.length).toBe(1);
    expect(client.status()).toBe("offline");
  });

  rule("CL-07 refreshes the token about 5 minutes early and reconnects with it", async (bench) => {
    const { clock, server, ready } = bench;
    // The first token's end is unknown; the refreshed one lives an hour.
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    await ready();
    const startMs = clock.nowMs();
    const refreshes = () => server.calls.filter((call) => call.path === "/auth/refresh");
    await clock.advance(3_600_000);
    expect(refreshes().length).toBe(2);
    expect((refreshes()[1]?.atMs ?? 0) - startMs).toBeLessThanOrEqual(3_600_000 - 4 * 60_000);
    expect((refreshes()[1]?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(3_600_000 - 7 * 60_000);
    expect(server.connection.index).toBe(1);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-3");
    expect(server.connections[0]?.ended).toMatchObject({ by: "client", code: 1000 });
  });

  rule("CL-07 after token_expired refreshes before the next attempt", async (bench) => {
    const { clock, server, client, ready } = bench;
    await ready();
    server.onUpgrade = ({ headers }) =>
      headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` ? 401 : "accept";
    server.closing("token_expired", 0, true);
    server.connection.close(1008);
    await clock.advance(5_000);
    expect(client.ready()).toBe(true);
    expect(server.upgrades.length).toBe(2);
    expect(server.upgrades.at(-1)?.headers["Authorization"]).toBe("Bearer access-2");
  });

  rule("CL-08 tells connected, reconnecting and offline apart", async ({ clock, server, client, ready }) => {
    expect(client.status()).toBe("offline");
    await ready();
    expect(client.status()).toBe("connected");
    server.onUpgrade = () => 503;
    server.connection.close(1006);
    await clock.advance(2_000);
    expect(client.status()).toBe("reconnecting");
    await client.disconnect();
    expect(client.status()).toBe("offline");
  });
}
