/**
 * Goal: no acknowledged message is lost, doubled or reordered by `kill -9`, and clients heal by themselves.
 * Method: a real standalone server under load from 50 reference clients in 20 chats is killed at seeded random
 * moments and started again on the same data and port; then the checker judges everything that was recorded.
 *
 * TRIPLANE_KILL_ROUNDS  kills under load, default 25 (a full run: 200)
 * TRIPLANE_KILL_SEED    the first run's seed; moments and contents follow from it, the machine's timing does not
 * TRIPLANE_KILL_KEEP    a directory that keeps history.jsonl, store.json and server.log; default: only after failures
 */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { renderReport } from "../checker/report.ts";
import { runKills } from "./kill-run.ts";

const rounds = Number(Bun.env["TRIPLANE_KILL_ROUNDS"] ?? 25);
const firstSeed = Number(Bun.env["TRIPLANE_KILL_SEED"] ?? Date.now() % 1_000_000);
const kept = Bun.env["TRIPLANE_KILL_KEEP"];
const roundTimeoutMs = 60_000;
/** A run's whole history is judged in memory: about 30 MB a round. More rounds are more runs. */
const roundsPerRunMax = 25;
const runs = Array.from({ length: Math.ceil(rounds / roundsPerRunMax) }, (_, index) => ({
  seed: firstSeed + index,
  rounds: Math.min(roundsPerRunMax, rounds - index * roundsPerRunMax),
}));

test.each(runs)(
  "$rounds kills of a server under load lose, double and reorder nothing (seed $seed)",
  async ({ seed, rounds }) => {
    const parent = kept ?? tmpdir();
    await mkdir(parent, { recursive: true });
    const directory = await mkdtemp(join(parent, `triplane-kill-${seed}-`));
    console.log(`TRIPLANE_KILL_SEED=${seed} TRIPLANE_KILL_ROUNDS=${rounds}, files in ${directory}`);
    const size = { clients: 50, chats: 20, membersPerChat: 10 };
    const run = await runKills({ directory, seed, rounds, ...size, lastStore: "same" });
    const report = renderReport(run.check);
    console.log(`${report}\nclients connected at the kills: ${run.connectedAtKill.join(" ")}`);
    expect(report).toContain("\n0 violations");
    expect(run.failedSends).toEqual([]);
    expect(run.drainExitCode).toBe(0);
    // A run in which nothing happened proves nothing.
    const { counts } = run.check;
    expect(counts.kills).toBe(rounds + 1);
    expect(counts.stored).toBeGreaterThan(rounds * 50);
    expect(counts.reconnects).toBeGreaterThan(rounds * 25);
    expect(counts.unknownOutcomes).toBeGreaterThan(0);
    expect(counts.settled).toBe(true);
    if (kept === undefined) await rm(directory, { recursive: true });
  },
  roundTimeoutMs * (roundsPerRunMax + 3),
);

test("a store that forgets what it acknowledged is found out", async () => {
  await using directory = await temporaryDirectory();
  const shape = {
    seed: firstSeed,
    rounds: 1,
    clients: 6,
    chats: 3,
    membersPerChat: 4,
    lastStore: "older",
  } as const;
  const run = await runKills({ directory: directory.path, ...shape });
  expect([...run.check.violationCounts.keys()]).toContain("acked_message_lost");
}, 120_000);

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "triplane-kill-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
