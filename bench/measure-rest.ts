/**
 * How many REST requests one second of server CPU answers, beside bare Hono routes with the same JSON: reads of
 * the own profile, the chat list and a chat of 20; writes of the display name.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Figure } from "./report.ts";
import { type ServerProcess, startServer } from "./server-process.ts";
import { startTriplane } from "./triplane.ts";

const members = 20;
const requestsInFlight = 32;
const warmUpMs = 8000;
const profilePath = "/api/v1/users/me";

interface RestRequest {
  readonly path: string;
  readonly init: RequestInit;
}

interface Rate {
  readonly perCpuSecond: number;
  readonly perSecond: number;
}

export async function measureRest(measureMs: number): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "triplane-rest-"));
  const triplane = await startTriplane({ users: members, chats: 1, members });
  const [user] = triplane.users;
  if (user === undefined) throw new Error("no user was seeded");
  const authorization = `Bearer ${user.access_token}`;
  const paths = [profilePath, "/api/v1/chats", `/api/v1/chats/${user.chat_ids[0]}`];
  const reads = paths.map((path): RestRequest => ({ path, init: { headers: { authorization } } }));
  const writes = [
    {
      path: profilePath,
      init: {
        method: "PATCH",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify({ display_name: "Ada Lovelace" }),
      },
    },
  ];
  const answers: Record<string, unknown> = {};
  for (const { path, init } of reads) {
    answers[path] = await (await fetch(`${triplane.server.url}${path}`, init)).json();
  }
  const routes = join(directory, "routes.json");
  await Bun.write(routes, JSON.stringify(answers));
  const raw = await startServer(["bench/raw-rest-server.ts"], { RAW_ROUTES: routes });
  try {
    const figures: Figure[] = [];
    for (const [name, requests, target] of [
      ["REST reads per server CPU-second", reads, 0.4],
      ["REST writes per server CPU-second", writes, undefined],
    ] as const) {
      const bare = await rateOf(raw, requests, measureMs);
      const own = await rateOf(triplane.server, requests, measureMs);
      figures.push({
        name,
        unit: "1/s",
        triplane: own.perCpuSecond,
        raw: bare.perCpuSecond,
        rawIs: "bare Hono routes with the same JSON",
        better: "higher",
        target,
        notes: `${Math.round(own.perSecond)} requests/s (raw ${Math.round(bare.perSecond)})`,
      });
    }
    return figures;
  } finally {
    await raw.stop();
    await triplane.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @throws {Error} a request was not answered with 200 */
async function rateOf(
  server: ServerProcess,
  requests: readonly RestRequest[],
  measureMs: number,
): Promise<Rate> {
  await load(server, requests, warmUpMs);
  const cpuBefore = server.cpuSeconds();
  const from = performance.now();
  const answered = await load(server, requests, measureMs);
  const cpuSeconds = server.cpuSeconds() - cpuBefore;
  const seconds = (performance.now() - from) / 1000;
  return { perCpuSecond: answered / cpuSeconds, perSecond: answered / seconds };
}

async function load(
  server: ServerProcess,
  requests: readonly RestRequest[],
  durationMs: number,
): Promise<number> {
  const endMs = performance.now() + durationMs;
  let answered = 0;
  const worker = async (first: number): Promise<void> => {
    for (let turn = first; performance.now() < endMs; turn++) {
      const { path, init } = requests[turn % requests.length] as RestRequest;
      const response = await fetch(`${server.url}${path}`, init);
      if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
      await response.arrayBuffer();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: requestsInFlight }, (_, index) => worker(index)));
  return answered;
}
