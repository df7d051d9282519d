/**
 * Goal: checks before a socket opens come in the contract's order, with its status and code for each.
 * Method: requests with several faults at once, so that the first decides; stores that are down.
 */
import { describe, expect, test } from "bun:test";
import { deviceOf, GatewayWorld } from "../../tests/fakes/gateway-world.ts";
import type { ConnectionId, UserId } from "../shared/domain/ids.ts";
import type { UpgradeOutcome } from "./upgrade.ts";
import { isSocketPath, refusalResponse } from "./upgrade.ts";

const device = deviceOf(1);
const path = `/ws/v1?device_id=${device}`;
const answer = (outcome: UpgradeOutcome): string =>
  outcome.ok ? "ok" : `${outcome.refusal.status} ${outcome.refusal.error}`;

async function bearer(world: GatewayWorld, userId = "user_A", life = 3600) {
  return { authorization: `Bearer ${await world.token(userId, life)}` };
}

describe("the order of checks", () => {
  test.each<[string, string, Record<string, string>, string]>([
    ["1 version before everything", "/ws/v9?device_id=x", { upgrade: "nothing" }, "400 unsupported_version"],
    ["1 a path that is no version", "/ws/other", { upgrade: "nothing" }, "404 not_found"],
    ["the upgrade header before credentials", "/ws/v1", { upgrade: "h2c" }, "400 invalid_request"],
    ["3 the device before the token", "/ws/v1", { authorization: "Bearer forged" }, "400 invalid_request"],
    ["3 no token", path, {}, "400 invalid_request"],
    ["3 a scheme that is not Bearer", path, { authorization: "Basic abc" }, "400 invalid_request"],
    ["3 two devices", path, { authorization: "Bearer x", "x-device-id": deviceOf(2) }, "400 invalid_request"],
    ["3 two tokens", `${path}&token=other`, { authorization: "Bearer x" }, "400 invalid_request"],
    ["4 a token that is none", path, { authorization: "Bearer forged" }, "401 invalid_token"],
  ])("%s", async (_name, url, headers, expected) => {
    const world = new GatewayWorld();
    // Everything behind the check is down: it must not be reached.
    world.revocationDown = true;
    world.routingDown = true;
    expect(answer(await world.handshake(url, headers))).toBe(expected);
  });

  test("4 an expired token says since when", async () => {
    const world = new GatewayWorld();
    const headers = await bearer(world, "user_A", 10);
    await world.clock.advance(10_000);
    const outcome = await world.handshake(path, headers);
    expect(answer(outcome)).toBe("401 invalid_token");
    if (!outcome.ok) expect(outcome.refusal.details).toEqual({ expired_at: "2026-01-31T10:00:10.000Z" });
  });

  test("5 revoked before limits; with the revocations unreachable 503: it fails closed", async () => {
    const world = new GatewayWorld();
    const headers = await bearer(world);
    world.revoked.add("jti-1");
    expect(answer(await world.handshake(path, headers))).toBe("401 token_revoked");
    world.revocationDown = true;
    expect(answer(await world.handshake(path, headers))).toBe("503 service_unavailable");
  });

  test("7 a connection that cannot be registered is not accepted", async () => {
    const world = new GatewayWorld();
    world.routingDown = true;
    expect(answer(await world.handshake(path, await bearer(world)))).toBe("503 service_unavailable");
  });

  test("a full gateway takes nobody", async () => {
    const world = new GatewayWorld({ connectionsMax: 1 });
    await world.connect("user_A", 1);
    expect(
      answer(await world.handshake(`/ws/v1?device_id=${deviceOf(2)}`, await bearer(world, "user_B"))),
    ).toBe("503 service_unavailable");
  });
});

describe("limits of upgrades", () => {
  test("2 ten a second from one address, before the token is looked at, with the time to wait", async () => {
    const world = new GatewayWorld();
    for (let n = 0; n < 10; n++) await world.handshake(path, { authorization: "Bearer forged" });
    const outcome = await world.handshake(path, { authorization: "Bearer forged" });
    expect(answer(outcome)).toBe("429 rate_limited");
    expect(answer(await world.handshake(path, { authorization: "Bearer forged" }, "other"))).toBe(
      "401 invalid_token",
    );
    if (outcome.ok) return;
    const response = refusalResponse(outcome.refusal);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ error: "rate_limited", retry_after_seconds: 1 });
  });

  test("W-8 five at a time per user: the sixth device is refused, the same device replaces itself", async () => {
    const world = new GatewayWorld();
    for (let n = 1; n <= 5; n++) await world.connect("user_A", n);
    const headers = await bearer(world);
    expect(answer(await world.handshake(`/ws/v1?device_id=${deviceOf(6)}`, headers, "ip-6"))).toBe(
      "429 rate_limited",
    );
    expect(answer(await world.handshake(`/ws/v1?device_id=${deviceOf(5)}`, headers, "ip-7"))).toBe("ok");
    expect(world.gateway.connections).toBe(4);
  });

  test("ten new ones a minute per user; both limits fail open when their store is down", async () => {
    const world = new GatewayWorld();
    const headers = await bearer(world);
    const tryOnce = (n: number) => world.handshake(path, headers, `ip-${n}`);
    for (let n = 0; n < 10; n++) expect(answer(await tryOnce(n))).toBe("ok");
    expect(answer(await tryOnce(11))).toBe("429 rate_limited");
    world.limiterDown = true;
    expect(answer(await tryOnce(12))).toBe("ok");
  });
});

describe("a connection", () => {
  test("that was registered and not upgraded is taken back", async () => {
    const world = new GatewayWorld();
    const outcome = await world.handshake(path, await bearer(world));
    if (!outcome.ok) throw new Error("refused");
    expect(await world.routing.serversOf(["user_A" as UserId])).toEqual([["gw-1"]]);
    world.gateway.abandoned(world.gateway.connectionFor(outcome.init));
    await world.clock.settle();
    expect(await world.routing.serversOf(["user_A" as UserId])).toEqual([[]]);
  });

  test("gets an id of the gateway's making, whatever the client sends", async () => {
    const world = new GatewayWorld();
    const ids = new Set<ConnectionId>();
    for (let n = 0; n < 5; n++) {
      const outcome = await world.handshake(`${path}&connection_id=conn_MINE`, await bearer(world));
      if (outcome.ok) ids.add(outcome.init.connectionId);
    }
    expect(ids.size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^conn_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  test.each([
    ["/ws/v1", true],
    ["/v1/ws", true],
    ["/ws/", true],
    ["/ws", false],
    ["/api/v1/ws", false],
    ["/", false],
  ])("path %s is the gateway's: %p", (pathname, expected) => {
    expect(isSocketPath(pathname)).toBe(expected);
  });
});
