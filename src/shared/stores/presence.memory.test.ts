/** Goal: memory presence keeps the port's promises and is bounded. Method: virtual clock, memory routing. */
import { expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import type { UserId } from "../domain/ids.ts";
import { systemRandom } from "../runtime/system-random.ts";
import { presenceConformance } from "./presence.conformance.ts";
import { createMemoryPresence } from "./presence.memory.ts";
import { createMemoryRoutingTable } from "./routing-table.memory.ts";

presenceConformance("memory", async () => {
  const clock = new VirtualClock();
  const routing = createMemoryRoutingTable(clock, systemRandom, { connectionsMax: 1000 });
  const store = createMemoryPresence(clock, routing, { usersMax: 1000 });
  return { store, routing, time: clock, close: async () => undefined };
});

test("last seen is remembered for a bounded number of users, the latest", async () => {
  const clock = new VirtualClock();
  const presence = createMemoryPresence(clock, { liveConnections: () => 0 }, { usersMax: 10 });
  const users = Array.from({ length: 20 }, (_, index) => `user_${index}` as UserId);
  for (const user of users) await presence.record(user, 1, 0);
  const known = (await presence.get(users)).map((state) => state.lastSeenMs !== null);
  expect(known).toEqual(users.map((_, index) => index >= 10));
});
