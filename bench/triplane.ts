/** A Triplane standalone with seeded users, ready for load: rate limits off, everything else as shipped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerProcess, startServer } from "./server-process.ts";

export interface SeededUser {
  readonly user_id: string;
  readonly device_id: string;
  readonly access_token: string;
  readonly chat_ids: readonly string[];
}

export interface SeededTriplane {
  readonly server: ServerProcess;
  readonly users: readonly SeededUser[];
  stop(): Promise<void>;
}

export async function startTriplane(seed: {
  readonly users: number;
  readonly chats: number;
  readonly members: number;
}): Promise<SeededTriplane> {
  const directory = mkdtempSync(join(tmpdir(), "triplane-bench-"));
  const out = join(directory, "users.jsonl");
  const data = join(directory, "data");
  const root = `${import.meta.dir}/..`;
  const child = Bun.spawn(
    [
      process.execPath,
      `${root}/src/standalone.ts`,
      "seed",
      ...["--users", `${seed.users}`, "--chats", `${seed.chats}`, "--members", `${seed.members}`],
      ...["--out", out, "--data", data],
    ],
    { stdout: "ignore", stderr: "inherit" },
  );
  if ((await child.exited) !== 0) throw new Error("seeding failed");
  const users = (await Bun.file(out).text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as SeededUser);
  const server = await startServer(["src/standalone.ts", "--port", "0", "--data", data], {
    RATE_LIMITS_ENABLED: "false",
    LOG_LEVEL: "error",
    GATEWAY_LIMITS_MAX_CONNECTIONS: "15000",
  });
  return {
    server,
    users,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One socket per user, in each user's first chat. */
export function socketsOf(
  { server, users }: SeededTriplane,
  sends: (index: number) => boolean,
): { url: string; token: string; chatId: string; sends: boolean }[] {
  return users.map((user, index) => ({
    url: `${server.url.replace("http", "ws")}/ws/v1?device_id=${user.device_id}`,
    token: user.access_token,
    chatId: user.chat_ids[0] ?? "",
    sends: sends(index),
  }));
}
