/**
 * Goal: the client contract holds while chats change under the conversation.
 * Method: a real server; owners remove members and add them again, former members and strangers go on sending
 * and reading, one user has two devices, one client is killed and goes on from its own storage, and in the middle
 * the server is drained and started again. The checker judges every frame and the store at the end.
 * The seed is printed; TRIPLANE_MEMBERS_SEED takes it back.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkHistory } from "../../checker/check-history.ts";
import { defaultCheckOptions } from "../../checker/check-options.ts";
import { readFinalStore } from "../../checker/read-final-store.ts";
import { renderReport } from "../../checker/report.ts";
import { Load } from "../../kill/load.ts";
import { StandaloneProcess } from "../../kill/standalone-process.ts";
import { waitFor } from "../../kill/wait-for.ts";
import { RecordedCast } from "./recorded-cast.ts";

const seed = Number(Bun.env["TRIPLANE_MEMBERS_SEED"] ?? Date.now() % 1_000_000);
const changesPerPhase = 15;
const comeBackTimeoutMs = 60_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "triplane-members-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

test("members come and go, devices double, clients and the server restart: the contract holds", async () => {
  console.log(`TRIPLANE_MEMBERS_SEED=${seed}`);
  const dataDir = join(directory, "data");
  const logPath = join(directory, "server.log");
  const cast = await RecordedCast.seed(dataDir, join(directory, "users.jsonl"), seed);
  await using server = await StandaloneProcess.start({ dataDir, port: 0, logPath });
  await cast.enter(server.url);

  const before = Load.start(cast.recorder, cast.members, seed);
  await cast.changeMembers(changesPerPhase);
  // Nobody changes members meanwhile: what became of a change that was cut off could not be told.
  expect(await server.stop()).toBe(0);
  await server.startAgain();
  await waitFor("every client came back", comeBackTimeoutMs, () => cast.allReady());
  await before.stop();

  await cast.restartFirstClient();
  const after = Load.start(cast.recorder, cast.members, seed + 1);
  await cast.changeMembers(changesPerPhase);
  await after.stop();
  await cast.settle();
  await cast.leave();
  expect(await server.stop()).toBe(0);

  const store = readFinalStore(join(dataDir, "triplane.sqlite"));
  const result = checkHistory(cast.events, store, { ...defaultCheckOptions, echoesAllowed: false });
  const report = renderReport(result);
  console.log(report);
  expect(report).toContain("\n0 violations");
  const codes = new Set(
    cast.events.flatMap((event) => (event.kind === "error_received" ? [event.code] : [])),
  );
  expect([...codes]).toContain("NOT_A_MEMBER");
  expect(result.counts.stored).toBeGreaterThan(100);
  expect(result.counts.reconnects).toBeGreaterThanOrEqual(9);
  expect(result.counts.settled).toBe(true);
}, 240_000);
