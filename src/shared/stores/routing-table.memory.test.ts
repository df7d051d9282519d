/** Goal: the memory table keeps the port's promises and equals a plain model. Method: virtual clock, random runs. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { ConnectionId, DeviceId, UserId } from "../domain/ids.ts";
import { systemRandom } from "../runtime/system-random.ts";
import { refusalOf } from "./conformance-refusal.ts";
import { routingTableConformance } from "./routing-table.conformance.ts";
import { createMemoryRoutingTable } from "./routing-table.memory.ts";
import type { Route } from "./routing-table.ts";

routingTableConformance("memory", async () => {
  const clock = new VirtualClock();
  const store = createMemoryRoutingTable(clock, systemRandom, { connectionsMax: 1000 });
  return { store, time: clock, close: async () => undefined };
});

const routeOf = (user: number, connection: number, connectedAtMs: number): Route => ({
  userId: `user_${user}` as UserId,
  connectionId: `conn_${connection}` as ConnectionId,
  deviceId: `00000000-0000-4000-8000-${String(connection).padStart(12, "0")}` as DeviceId,
  serverId: `gw-${connection % 4}`,
  connectedAtMs,
});

describe("createMemoryRoutingTable", () => {
  test("routing_denormalization_consistent: random runs name exactly the servers of live connections", async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const random = new SeededRandom(seed);
    const clock = new VirtualClock(0);
    const table = createMemoryRoutingTable(clock, random, { connectionsMax: 1000 });
    const model = new Map<number, { route: Route; expiresAtMs: number }>();
    const users = Array.from({ length: 8 }, (_, user) => `user_${user}` as UserId);
    const live = (): { route: Route; expiresAtMs: number }[] =>
      [...model.values()].filter((entry) => clock.nowMs() < entry.expiresAtMs);
    for (let step = 0; step < 2000; step += 1) {
      const connection = random.below(40);
      const known = model.get(connection)?.route;
      const route = known ?? routeOf(random.below(8), connection, clock.nowMs());
      const action = random.below(10);
      if (action < 4) {
        await table.register(route);
        model.set(connection, { route, expiresAtMs: clock.nowMs() + 15_000 });
      } else if (action < 7 && known !== undefined) {
        await table.refresh([known]);
        model.set(connection, { route: known, expiresAtMs: clock.nowMs() + 15_000 });
      } else if (action < 9) {
        model.delete(connection);
        const left = live().filter((entry) => entry.route.userId === route.userId).length;
        expect(await table.unregister(route), `seed ${seed}, step ${step}`).toBe(left);
      }
      await clock.advance(random.below(1500));
      const expected = users.map((user) =>
        [
          ...new Set(
            live().flatMap(({ route: { userId, serverId } }) => (userId === user ? [serverId] : [])),
          ),
        ].sort(),
      );
      const servers = (await table.serversOf(users)).map((of) => [...of].sort());
      expect(servers, `seed ${seed}, step ${step}`).toEqual(expected);
    }
  });

  test("the epoch of a table that was never used is undefined", async () => {
    const table = createMemoryRoutingTable(new VirtualClock(), systemRandom, { connectionsMax: 1 });
    expect(await table.epoch()).toBeUndefined();
  });

  test("a full table refuses, and takes again once entries have expired that nobody asked for", async () => {
    const clock = new VirtualClock();
    const table = createMemoryRoutingTable(clock, systemRandom, { connectionsMax: 100 });
    for (let user = 0; user < 100; user += 1) await table.register(routeOf(user, user, 0));
    expect(await refusalOf(table.register(routeOf(100, 100, 0)))).toMatchObject({
      code: "SERVICE_UNAVAILABLE",
      details: { connections: 100, limit: 100 },
    });
    await clock.advance(15_000);
    for (let user = 200; user < 300; user += 1) await table.register(routeOf(user, user, 0));
    expect(table.liveConnections("user_299" as UserId)).toBe(1);
  });
});
