/**
 * Goal: every fault is caught, by the check meant for it and by no other. Method: each fault of the table is
 * planted into clean runs of many seeds; the seed is in the message of a failure.
 */
import { describe, expect, test } from "bun:test";
import { checkHistory } from "./check-history.ts";
import { defaultCheckOptions } from "./check-options.ts";
import type { Fault } from "./fault-planting.ts";
import { faults } from "./faults.ts";
import { type GeneratedRun, generateHistory } from "./generate-history.ts";
import { SeededRandom } from "./seeded-random.ts";
import { promises, type ViolationKind } from "./violation.ts";

const options = { ...defaultCheckOptions, echoesAllowed: false };
const shape = { clients: 6, chats: 3, actions: 300 };
const seeds = Array.from({ length: 5 }, (_, index) => index + 1);
const runs: ReadonlyMap<number, GeneratedRun> = new Map(
  seeds.map((seed) => [seed, generateHistory(seed, shape)]),
);

/** Some places do not suit a fault: other random places of the same run are tried. */
function plant(fault: Fault, run: GeneratedRun, seed: number): GeneratedRun | undefined {
  const random = new SeededRandom(seed);
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const broken = fault.plant(run, random);
    if (broken !== undefined) return broken;
  }
  return undefined;
}

function kindsIn(run: GeneratedRun): readonly ViolationKind[] {
  return [...checkHistory(run.events, run.store, options).violationCounts.keys()];
}

describe("a planted fault is caught by the right check", () => {
  test.each(faults.map((fault) => [fault.name, fault] as const))(
    "%s",
    (_, fault) => {
      let planted = 0;
      for (const [seed, run] of runs) {
        const broken = plant(fault, run, seed);
        if (broken === undefined) continue;
        planted += 1;
        const alongside = new Set(fault.alongside ?? []);
        const kinds = kindsIn(broken).filter((kind) => !alongside.has(kind));
        expect({ seed, kinds: kinds.toSorted() }).toEqual({ seed, kinds: fault.caught.toSorted() });
      }
      expect(planted).toBeGreaterThan(0);
    },
    60_000,
  );
});

test("every promise has a fault that breaks it", () => {
  const broken = new Set(faults.flatMap((fault) => fault.caught));
  expect(Object.keys(promises).filter((kind) => !broken.has(kind as ViolationKind))).toEqual([]);
});

test("random faults in random runs are always caught", () => {
  const first = Number(Bun.env["TRIPLANE_CHECKER_SEED"] ?? Date.now() % 1_000_000);
  console.log(`TRIPLANE_CHECKER_SEED=${first}`);
  for (let seed = first; seed < first + 60; seed += 1) {
    const random = new SeededRandom(seed);
    const run = generateHistory(seed, shape);
    const fault = random.pick(faults);
    const broken = plant(fault, run, seed);
    if (broken === undefined) continue;
    const missed = fault.caught.filter((kind) => !kindsIn(broken).includes(kind));
    expect({ seed, fault: fault.name, missed }).toEqual({ seed, fault: fault.name, missed: [] });
  }
}, 60_000);
