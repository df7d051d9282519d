/**
 * Goal: the served document and the server agree, whatever is sent. Method: schemathesis with all its checks against a
 * real process, as a logged-in user; a few examples here, `TRIPLANE_FUZZ_RUNS` asks for many from several seeds.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openApiPath } from "../../src/shared/http/openapi/mount-openapi.ts";
import { runCommand, StandaloneProcess } from "../kill/standalone-process.ts";

const fuzzRuns = Number(process.env["TRIPLANE_FUZZ_RUNS"] ?? 0);
const examples = fuzzRuns === 0 ? 3 : Math.min(Math.max(Math.ceil(fuzzRuns / 200), 20), 200);
const seeds = fuzzRuns === 0 ? [1] : [1, 2, 3];
setDefaultTimeout(fuzzRuns === 0 ? 180_000 : 3_600_000);

const repository = join(import.meta.dir, "../..");
const script = join(repository, "scripts/schemathesis.sh");
/** What the script says when the tool cannot be had. */
const unavailableCode = 3;

const found = Bun.spawnSync(["sh", script, "--path"], { stdout: "pipe", stderr: "pipe" });
const isAvailable = found.exitCode === 0;

if (!isAvailable && process.env["CI"] !== "true") {
  const [reason = "no reason given"] = found.stderr.toString().trim().split("\n").slice(-1);
  process.stderr.write(`triplane: contract fuzzing: skipped, ${reason}\n`);
}

interface Caller {
  readonly device_id: string;
  readonly access_token: string;
  readonly chat_ids: readonly string[];
}

/** One message into each chat, over the socket: there is no other way. @returns their ids and chats */
async function sendMessages(url: string, caller: Caller): Promise<readonly unknown[]> {
  const socket = new WebSocket(
    `${url.replace("http", "ws")}/ws/v1?device_id=${caller.device_id}&token=${caller.access_token}`,
  );
  const answered = Promise.withResolvers<void>();
  const acknowledged: unknown[] = [];
  socket.onerror = () => answered.reject(new Error("the socket could not be opened"));
  socket.onmessage = ({ data }) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === "error") answered.reject(new Error(`a message was refused: ${String(data)}`));
    if (type === "connection_established") {
      for (const chat_id of caller.chat_ids) {
        const sent = { client_message_id: crypto.randomUUID(), chat_id, content: "Hello" };
        socket.send(JSON.stringify({ type: "send_message", request_id: "r", payload: sent }));
      }
    }
    if (type === "send_message_ack") acknowledged.push(payload);
    if (acknowledged.length === caller.chat_ids.length) answered.resolve();
  };
  await answered.promise;
  socket.close();
  return acknowledged;
}

describe.skipIf(!isAvailable && process.env["CI"] !== "true")("the document and the server agree", () => {
  let directory = "";
  let server: StandaloneProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "triplane-contract-"));
    const dataDir = join(directory, "data");
    server = await StandaloneProcess.start({
      dataDir,
      port: 0,
      logPath: join(directory, "server.log"),
      settings: { SMS_PROVIDER: "fixed" },
    });
    const users = ["--users", "200", "--chats", "40", "--members", "20", "--token-ttl", "7200"];
    const file = join(directory, "users.jsonl");
    await runCommand("seed", ...users, "--out", file, "--data", dataDir);
    const [caller = "", ...others] = (await Bun.file(file).text()).trimEnd().split("\n");
    const messages = await sendMessages(server.url, JSON.parse(caller));
    await Bun.write(file, [JSON.stringify({ ...JSON.parse(caller), messages }), ...others].join("\n"));
  });
  afterAll(async () => {
    await server.kill();
    await rm(directory, { recursive: true, force: true });
  });

  test("schemathesis can be had", () => {
    expect([found.exitCode, found.exitCode === unavailableCode ? found.stderr.toString() : ""]).toEqual([
      0,
      "",
    ]);
  });

  test.each(seeds)(`${examples} examples a call from seed %d: no check fails`, async (seed) => {
    const child = Bun.spawn(
      [
        found.stdout.toString().trim(),
        ...[
          "--config-file",
          join(import.meta.dir, "schemathesis.toml"),
          "run",
          `${server.url}${openApiPath}`,
        ],
        ...["--url", server.url, "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"],
        ...["--max-examples", `${examples}`, "--seed", `${seed}`],
      ],
      {
        cwd: directory,
        env: {
          ...process.env,
          SCHEMATHESIS_HOOKS: join(import.meta.dir, "schemathesis_hooks.py"),
          PYTHONDONTWRITEBYTECODE: "1",
          TRIPLANE_USERS: join(directory, "users.jsonl"),
        },
        stdout: "pipe",
        stderr: "inherit",
      },
    );
    try {
      const report = await new Response(child.stdout).text();
      const exitCode = await child.exited;
      if (exitCode !== 0) process.stderr.write(report);
      expect(exitCode).toBe(0);
      expect(report).toMatch(/Selected: (\d+)\/\1\n {2}Tested: \1\n/);
    } finally {
      child.kill();
    }
  });
});
