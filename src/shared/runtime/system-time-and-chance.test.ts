/** Goal: the machine's clock, randomness and ids keep what their ports promise. Method: the ports' conformance suites. */
import { clockConformance } from "../domain/clock.conformance.ts";
import { idsConformance } from "../domain/ids.conformance.ts";
import { createIds } from "../domain/ids.ts";
import { randomConformance } from "../domain/random.conformance.ts";
import { systemClock } from "./system-clock.ts";
import { systemRandom } from "./system-random.ts";

clockConformance("the system's clock", () => ({
  clock: systemClock,
  pass: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs + 5)),
}));
randomConformance("the system's randomness", () => systemRandom);
idsConformance("ids of the system", () => ({
  ids: createIds(systemClock, systemRandom),
  clock: systemClock,
}));
