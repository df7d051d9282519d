/** Goal: the simulation's clock, randomness and ids keep what their ports promise. Method: the ports' conformance suites. */
import { clockConformance } from "../../src/shared/domain/clock.conformance.ts";
import { idsConformance } from "../../src/shared/domain/ids.conformance.ts";
import { createIds } from "../../src/shared/domain/ids.ts";
import { randomConformance } from "../../src/shared/domain/random.conformance.ts";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

const startMs = Date.UTC(2026, 0, 31);

clockConformance("the virtual clock", () => {
  const clock = new VirtualClock(startMs);
  return { clock, pass: (durationMs) => clock.advance(durationMs) };
});
randomConformance("seeded randomness (seed 7)", () => new SeededRandom(7));
idsConformance("ids of the simulation (seed 7)", () => {
  const clock = new VirtualClock(startMs);
  return { ids: createIds(clock, new SeededRandom(7)), clock };
});
