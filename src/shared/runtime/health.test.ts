/** Goal: probes tell the truth in every phase, and never hang. Method: dependencies that fail, stall and come back, on a virtual clock. */
import { describe, expect, test } from "bun:test";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { Health, type HealthOptions } from "./health.ts";

function open(change: Partial<HealthOptions> = {}) {
  const clock = new VirtualClock();
  const state = {
    sqlite: async (): Promise<boolean> => true,
    ingest: async (): Promise<boolean> => true,
    probes: 0,
  };
  const health = new Health({
    clock,
    service: "standalone",
    version: "1.2.3",
    failOnDependency: false,
    dependencies: [
      {
        name: "sqlite",
        neededForNewWork: true,
        probe: () => {
          state.probes++;
          return state.sqlite();
        },
      },
      { name: "ingest", neededForNewWork: false, probe: () => state.ingest() },
    ],
    ...change,
  });
  return { clock, state, health };
}

describe("health", () => {
  test.each([
    ["starting", 503, "starting"],
    ["running", 200, "healthy"],
    ["draining", 503, "draining"],
  ] as const)("while %s: %d, %s", async (phase, status, text) => {
    const { health } = open();
    health.phase = phase;
    for (const answer of [await health.health(), await health.ready()]) {
      expect([answer.status, answer.body.status]).toEqual([status, text]);
    }
    expect(health.live().status).toBe(200);
  });

  test("a dependency that is needed and down: degraded and 200 for health, 503 for ready; the body names it alone", async () => {
    const { health, state, clock } = open();
    health.phase = "running";
    state.sqlite = async () => {
      throw new Error("secret host 10.0.0.1");
    };
    const [well, ready] = [await health.health(), await health.ready()];
    expect([well.status, well.body.status, ready.status]).toEqual([200, "degraded", 503]);
    expect(well.body.dependencies).toEqual({
      sqlite: { status: "down", checked_at: "2026-01-31T10:00:00.000Z" },
      ingest: { status: "up", checked_at: "2026-01-31T10:00:00.000Z" },
    });
    expect(JSON.stringify(well.body)).not.toContain("10.0.0.1");
    state.sqlite = async () => true;
    await clock.advance(2000);
    expect((await health.ready()).status).toBe(200);
  });

  test("a dependency that new work does not need leaves the process ready", async () => {
    const { health, state } = open();
    health.phase = "running";
    state.ingest = async () => false;
    expect([(await health.ready()).status, (await health.health()).body.status]).toEqual([200, "degraded"]);
  });

  test("HEALTH_FAIL_ON_DEPENDENCY makes health as strict as ready", async () => {
    const { health, state } = open({ failOnDependency: true });
    health.phase = "running";
    state.sqlite = async () => false;
    expect((await health.health()).status).toBe(503);
  });

  test("a probe that stalls counts as down after 500 ms", async () => {
    const { health, state, clock } = open();
    health.phase = "running";
    state.sqlite = () => new Promise(() => undefined);
    let status: number | undefined;
    void health.ready().then((answer) => {
      status = answer.status;
    });
    await clock.advance(499);
    expect(status).toBeUndefined();
    await clock.advance(1);
    expect(status).toBe(503);
  });

  test("a flood of requests asks a dependency once in two seconds", async () => {
    const { health, state, clock } = open();
    health.phase = "running";
    for (let n = 0; n < 50; n++) await health.health();
    await clock.advance(1999);
    await health.health();
    expect(state.probes).toBe(1);
    await clock.advance(1);
    await health.health();
    expect(state.probes).toBe(2);
  });
});
