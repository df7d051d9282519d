/**
 * One run of the kill test: reference clients talk through a real server that is killed again and again.
 * 1. The server starts on an empty directory that was seeded with users and groups.
 * 2. Per round: load until a seeded random moment, SIGKILL, start on the same data and port. Clients come back by
 *    themselves; the next round begins when most of them have, so that some kills meet clients that catch up.
 * 3. Quiet: every send gets its answer, every client catches up.
 * 4. A last kill and start; one member of each chat reads it back over REST; the server is drained.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneClient } from "../../src/shared/client/client.ts";
import { MemoryStorage } from "../../src/shared/client/storage-memory.ts";
import { type CheckResult, checkHistory } from "../checker/check-history.ts";
import { defaultCheckOptions } from "../checker/check-options.ts";
import type { HistoryEvent } from "../checker/history.ts";
import { HistoryWriter } from "../checker/history-file.ts";
import { readFinalStore } from "../checker/read-final-store.ts";
import { Recorder } from "../checker/recorder.ts";
import { SeededRandom } from "../checker/seeded-random.ts";
import { Load, type Member, type SeededUser } from "./load.ts";
import { runCommand, StandaloneProcess } from "./standalone-process.ts";
import { waitFor } from "./wait-for.ts";

export interface KillRunOptions {
  readonly directory: string;
  readonly seed: number;
  readonly rounds: number;
  readonly clients: number;
  readonly chats: number;
  readonly membersPerChat: number;
  /** `older`: the last start finds the store as the last kill under load left it, a store that forgets. */
  readonly lastStore: "same" | "older";
}

export interface KillRunResult {
  readonly check: CheckResult;
  readonly historyPath: string;
  readonly storePath: string;
  readonly drainExitCode: number | undefined;
  /** Sends that their client gave up: none should be. */
  readonly failedSends: readonly string[];
  /** Clients that were connected at each kill. */
  readonly connectedAtKill: readonly number[];
}

const databaseName = "triplane.sqlite";
/** A kill comes at a uniform moment of this span after the clients are back. */
const killAfterMs = { min: 100, max: 1500 };
const comeBackTimeoutMs = 60_000;
const settleTimeoutMs = 60_000;

export async function runKills(options: KillRunOptions): Promise<KillRunResult> {
  const { directory, rounds } = options;
  const dataDir = join(directory, "data");
  const historyPath = join(directory, "history.jsonl");
  const storePath = join(directory, "store.json");
  const logPath = join(directory, "server.log");
  const olderDir = join(directory, "older");
  await mkdir(directory, { recursive: true });
  const users = await seedUsers(options, dataDir, join(directory, "users.jsonl"));

  const events: HistoryEvent[] = [];
  const writer = new HistoryWriter(historyPath);
  const recorder = new Recorder({
    nowMs: () => performance.now(),
    write: (event) => {
      events.push(event);
      writer.write(event);
    },
  });
  await using server = await StandaloneProcess.start({ dataDir, port: 0, logPath });
  const killAndStart = async (meanwhile: () => Promise<void>): Promise<void> => {
    recorder.processKilled("standalone");
    await server.kill();
    if (options.lastStore === "older") await meanwhile();
    await server.startAgain();
    recorder.processStarted("standalone");
  };
  const members = await Promise.all(
    users.map((user, index) => openMember(recorder, server.url, user, index)),
  );
  const failedSends: string[] = [];
  for (const { client } of members) {
    client.on("sendFailed", ({ clientMessageId, error }) =>
      failedSends.push(`${clientMessageId}: ${error.code}`),
    );
  }
  await Promise.all(members.map(({ client }) => client.connect()));

  const load = Load.start(recorder, members, options.seed);
  const connectedAtKill: number[] = [];
  const random = new SeededRandom(options.seed);
  for (let round = 0; round < rounds; round += 1) {
    await waitFor(
      "most clients came back",
      comeBackTimeoutMs,
      () => readyCount(members) > members.length * 0.8,
    );
    await Bun.sleep(random.integer(killAfterMs.min, killAfterMs.max));
    connectedAtKill.push(readyCount(members));
    await killAndStart(() => copyStore(dataDir, olderDir));
  }
  await load.stop();
  await settle(members);
  recorder.settled();

  await killAndStart(() => copyStore(olderDir, dataDir));
  await readBack(recorder, members);
  await Promise.all(members.map(({ client }) => client.close()));
  const drainExitCode = await server.stop();
  await writer.close();

  const store = readFinalStore(join(dataDir, databaseName));
  await Bun.write(storePath, JSON.stringify(store));
  const check = checkHistory(events, store, { ...defaultCheckOptions, echoesAllowed: false });
  return { check, historyPath, storePath, drainExitCode, failedSends, connectedAtKill };
}

/** The database of a server that is not running, with the log that a kill leaves beside it. */
async function copyStore(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const suffix of ["-shm", "-wal", ""]) await rm(join(to, databaseName + suffix), { force: true });
  for (const suffix of ["", "-wal"])
    await cp(join(from, databaseName + suffix), join(to, databaseName + suffix));
}

async function seedUsers(
  options: KillRunOptions,
  dataDir: string,
  file: string,
): Promise<readonly SeededUser[]> {
  const { clients, chats, membersPerChat } = options;
  const sizes = ["--users", clients, "--chats", chats, "--members", membersPerChat].map(String);
  await runCommand("seed", ...sizes, "--out", file, "--data", dataDir);
  const lines = (await Bun.file(file).text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as SeededUser);
}

async function openMember(recorder: Recorder, url: string, user: SeededUser, index: number): Promise<Member> {
  const recording = recorder.client(`client_${index + 1}`, user.user_id, {});
  const client = await TriplaneClient.open({
    baseUrl: url,
    storage: new MemoryStorage(),
    onFrame: recording.onFrame,
    limitSends: false,
    // Every other client has several sends of a chat under way.
    sendsInFlightPerChat: index % 2 === 0 ? 1 : 4,
    messagesPerChatMax: 100_000,
  });
  recording.attach(client);
  await client.useSession({
    userId: user.user_id,
    deviceId: user.device_id,
    accessToken: user.access_token,
    refreshToken: user.refresh_token,
  });
  return { user, client };
}

function readyCount(members: readonly Member[]): number {
  return members.filter(({ client }) => client.state === "Ready").length;
}

/** Nothing waits any more, and every member holds what anybody holds. */
async function settle(members: readonly Member[]): Promise<void> {
  const isIdle = ({ client }: Member): boolean => client.state === "Ready" && client.unsent.length === 0;
  await waitFor("every send is answered", settleTimeoutMs, () => members.every(isIdle));
  await Promise.all(
    members.flatMap(({ user, client }) => user.chat_ids.map((chatId) => client.sync(chatId))),
  );
  const newest = (chatId: string): number => Math.max(...members.map(({ client }) => client.cursor(chatId)));
  await waitFor("every client has caught up", settleTimeoutMs, () =>
    members.every(({ user, client }) =>
      user.chat_ids.every((chatId) => client.cursor(chatId) === newest(chatId)),
    ),
  );
  await Promise.all(members.map(({ client }) => client.flushAcks()));
}

/** One member of each chat reads it from the beginning to its end. */
async function readBack(recorder: Recorder, members: readonly Member[]): Promise<void> {
  const readers = new Map(
    members.flatMap(({ user, client }) => user.chat_ids.map((chatId) => [chatId, { user, client }])),
  );
  for (const [chatId, { user, client }] of readers) {
    let after = 0;
    for (let hasMore = true; hasMore; ) {
      const bounds = { direction: "forward", after, before: null } as const;
      const page = await recorder.historyRead(user.user_id, chatId, bounds, () =>
        client.rest.history(chatId, { direction: "forward", afterSequence: after, limit: 100 }),
      );
      after = page.data.at(-1)?.sequence ?? after;
      hasMore = page.pagination.has_more;
    }
  }
}
