/**
 * Goal: the program starts, refuses to start, drains and comes back as promised; each refusal is one clear line.
 * Method: real processes on real directories.
 */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { type Ended, runToEnd, StandaloneServer, temporaryDirectory, until } from "./standalone-server.ts";

let directory: string;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

let requests = 0;
const sendOf = (chatId: string, content: string, id: string = crypto.randomUUID()) => ({
  type: "send_message",
  request_id: `r${++requests}`,
  payload: { client_message_id: id, chat_id: chatId, content },
});

/** Exit code 1, nothing on stdout, lines that all begin with the program's name and hold what is asked. */
function expectRefusal(ended: Ended, ...parts: readonly (string | RegExp)[]): void {
  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toBe("");
  const lines = ended.stderr.trimEnd().split("\n");
  for (const line of lines) expect(line).toStartWith("triplane: ");
  for (const part of parts) expect(ended.stderr).toMatch(part);
  expect(ended.stderr).not.toContain("    at ");
}

describe("a start that is refused", () => {
  test.each<[string, readonly string[], Record<string, string>, RegExp[]]>([
    ["a port that is no number", ["--port", "many"], {}, [/port/i, /many/]],
    ["a port above 65535", ["--port", "70000"], {}, [/70000/, /65535/]],
    ["an unknown flag", ["--prot", "8080"], {}, [/prot/]],
    ["an SMS provider that does not exist", [], { SMS_PROVIDER: "pigeon" }, [/SMS_PROVIDER|sms/i, /pigeon/]],
    ["fixed codes outside local", [], { SMS_PROVIDER: "fixed", ENVIRONMENT: "prod" }, [/fixed/]],
    [
      "no rate limits outside local",
      [],
      { ENVIRONMENT: "prod", SMS_PROVIDER: "webhook", SMS_WEBHOOK_URL: "https://sms.example/x" },
      [/RATE_LIMITS_ENABLED|rate_limits/i],
    ],
    ["a limit that is negative", [], { LIMITS_SENDS_PER_USER_SECOND: "-1" }, [/-1/]],
  ])("%s: one line that names the value, exit code 1", async (_name, args, env, parts) => {
    const dataDir = join(directory, `settings-${++requests}`);
    expectRefusal(await runToEnd([...args, "--data", dataDir], env), ...parts);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("a word that is no command is named, with exit code 2", async () => {
    const { exitCode, stderr } = await runToEnd(["strat"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("strat");
  });

  test("a taken port: named, with the way out, and nothing damaged", async () => {
    const blocker: Server = createServer();
    await new Promise<void>((resolve) => void blocker.listen(0, "127.0.0.1", resolve));
    const { port } = blocker.address() as { port: number };
    const dataDir = join(directory, "taken");
    expectRefusal(
      await runToEnd(["--port", String(port), "--data", dataDir]),
      new RegExp(`${port}`),
      /--port/,
    );
    blocker.close();
    await using server = await StandaloneServer.start({ dataDir });
    expect((await server.rest("GET", "/health")).status).toBe(200);
  });

  test("a port that another server of ours has taken", async () => {
    await using first = await StandaloneServer.start({ dataDir: join(directory, "first") });
    const port = new URL(first.url).port;
    expectRefusal(
      await runToEnd(["--port", port, "--data", join(directory, "second")]),
      new RegExp(port),
      /is taken/,
      /--port/,
    );
    expect((await first.rest("GET", "/health")).status).toBe(200);
  });

  test("a data directory that is a file, or below one", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "mine");
    expectRefusal(await runToEnd(["--port", "0", "--data", file]), /is not a directory/, file);
    expectRefusal(await runToEnd(["--port", "0", "--data", join(file, "below")]), /is not a directory/);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });

  test("a database file that is none, and one of another program: left as they are", async () => {
    const dataDir = join(directory, "no-database");
    mkdirSync(dataDir);
    const file = join(dataDir, "triplane.sqlite");
    writeFileSync(file, "these are my notes\n".repeat(500));
    const before = readFileSync(file, "utf8");
    expectRefusal(
      await runToEnd(["--port", "0", "--data", dataDir]),
      /triplane\.sqlite is not a readable SQLite database/,
      /restore/,
    );
    expect(readFileSync(file, "utf8")).toBe(before);
    rmSync(file);
    const foreign = new Database(file);
    foreign.run("CREATE TABLE recipes (name TEXT)");
    foreign.close();
    expectRefusal(await runToEnd(["--port", "0", "--data", dataDir]), /triplane\.sqlite/);
    const again = new Database(file);
    expect(again.query("SELECT count(*) AS n FROM recipes").get()).toEqual({ n: 0 });
    again.close();
  });

  test("a database of a newer version is not touched", async () => {
    const dataDir = join(directory, "newer");
    await using server = await StandaloneServer.start({ dataDir });
    server.child.kill("SIGTERM");
    await server.child.exited;
    const db = new Database(join(dataDir, "triplane.sqlite"));
    db.run("PRAGMA user_version = 999");
    db.close();
    expectRefusal(await runToEnd(["--port", "0", "--data", dataDir]), /schema version 999/, /newer program/);
  });

  test("a damaged key file is never replaced", async () => {
    const dataDir = join(directory, "keys");
    await using server = await StandaloneServer.start({ dataDir });
    server.child.kill("SIGTERM");
    await server.child.exited;
    const file = join(dataDir, "keys", "otp-pepper");
    writeFileSync(file, "short");
    expectRefusal(await runToEnd(["--port", "0", "--data", dataDir]), /otp-pepper/);
    expect(readFileSync(file, "utf8")).toBe("short");
  });

  test("a second server on one data directory is refused, the first lives on", async () => {
    await using server = await StandaloneServer.start();
    expectRefusal(
      await runToEnd(["--port", "0", "--data", server.dataDir]),
      /in use by another server/,
      server.dataDir,
    );
    expect((await server.rest("GET", "/health")).status).toBe(200);
  });
});

describe("the data directory", () => {
  test("is made for its owner alone, keys of mode 0600, and one line says where to connect", async () => {
    await using server = await StandaloneServer.start({ dataDir: join(directory, "fresh") });
    expect(server.stdout).toBe(`listening on http://127.0.0.1:${server.port}\n`);
    expect(statSync(server.dataDir).mode & 0o777).toBe(0o700);
    for (const name of ["signing-keys.json", "otp-pepper", "otp-cipher-key", "integrity-key"]) {
      expect(statSync(join(server.dataDir, "keys", name)).mode & 0o777).toBe(0o600);
    }
  });

  test("S-19 G-06 I-16 an acknowledged message survives kill -9, numbers go on, repetitions are recognised", async () => {
    await using server = await StandaloneServer.start();
    const [alice, bob] = await Promise.all([server.logIn(), server.logIn()]);
    const chat = await server.group(alice, bob);
    const socket = await server.connect(alice);
    const frames = Array.from({ length: 20 }, (_, n) => sendOf(chat, `text ${n}`));
    for (const frame of frames) expect((await socket.ask(frame)).type).toBe("send_message_ack");
    const last = frames.at(-1) ?? sendOf(chat, "");
    await server.kill();
    await server.startAgain();
    const kept = await server.messages(bob, chat);
    expect(kept.map(({ sequence, content }) => [sequence, content])).toEqual(
      frames.map(({ payload }, n) => [n + 1, payload.content]),
    );
    const again = await server.connect(alice);
    expect((await again.ask({ ...last, request_id: "again" })).payload.sequence).toBe(20);
    expect((await again.ask(sendOf(chat, "next"))).payload.sequence).toBe(21);
  });

  test("a backup made while the server runs is whole, and a restore brings it back", async () => {
    await using server = await StandaloneServer.start();
    const alice = await server.logIn();
    const bob = await server.logIn();
    const chat = await server.group(alice, bob);
    const socket = await server.connect(alice);
    for (let n = 0; n < 30; n++) await socket.ask(sendOf(chat, `text ${n}`));
    const backup = join(directory, "backup");
    let sending = true;
    const more = (async () => {
      for (let n = 0; sending && n < 2000; n++) await socket.ask(sendOf(chat, `later ${n}`));
    })();
    const help = await runToEnd(["backup", backup, "--data", server.dataDir]);
    sending = false;
    await more;
    expect([help.exitCode, help.stderr]).toEqual([0, expect.any(String)]);
    server.child.kill("SIGTERM");
    await server.child.exited;
    const restored = join(directory, "restored");
    const back = await runToEnd(["restore", backup, "--data", restored]);
    expect([back.exitCode, back.stderr]).toEqual([0, expect.any(String)]);
    expect((await runToEnd(["verify", "--data", restored])).exitCode).toBe(0);
    // The keys are the operator's to copy, as the command says.
    expect(help.stderr).toContain("keys/");
    cpSync(join(server.dataDir, "keys"), join(restored, "keys"), { recursive: true });
    await using second = await StandaloneServer.start({ dataDir: restored });
    const kept = await second.messages(alice, chat);
    expect(kept.length).toBeGreaterThanOrEqual(30);
    expect(kept.map(({ sequence }) => sequence).at(0)).toBeGreaterThanOrEqual(1);
  });
});

describe("a stop", () => {
  test("SIGTERM announces to every client, answers what is in hand, and exits 0", async () => {
    await using server = await StandaloneServer.start();
    const [alice, bob] = await Promise.all([server.logIn(), server.logIn()]);
    const chat = await server.group(alice, bob);
    const [a, b] = [await server.connect(alice), await server.connect(bob)];
    expect((await a.ask(sendOf(chat, "before"))).type).toBe("send_message_ack");
    server.child.kill("SIGTERM");
    const closing = await a.next("connection_closing");
    expect(closing.payload).toMatchObject({ reason: "server_shutdown", reconnect_allowed: true });
    expect(closing.payload.reconnect_delay_ms).toBeGreaterThanOrEqual(0);
    const refused = await a.ask(sendOf(chat, "too late"));
    expect(refused.payload.code).toBe("SERVICE_UNAVAILABLE");
    a.send({ type: "ack", payload: { chat_id: chat, last_acked_sequence: 1 } });
    expect((await a.ask({ type: "heartbeat", request_id: "hb", payload: {} })).type).toBe("heartbeat_ack");
    expect((await server.rest("GET", "/ready")).status).toBe(503);
    expect((await server.rest("GET", "/health")).body.status).toBe("draining");
    const late = await server.open(`/ws/v1?device_id=${alice.deviceId}`, {
      Authorization: `Bearer ${alice.token}`,
    });
    expect([late.status, late.json.error]).toEqual([503, "service_unavailable"]);
    a.close();
    await b.next("connection_closing");
    expect((await b.closed()).code).toBe(1001);
    expect(await server.child.exited).toBe(0);
    await server.startAgain();
    expect(await server.messages(bob, chat)).toHaveLength(1);
    const { body } = await server.rest("GET", "/api/v1/delivery-state", { token: alice.token });
    expect(JSON.stringify(body)).toContain('"last_acked_sequence":1');
  });

  test("a second signal exits 130 at once", async () => {
    await using server = await StandaloneServer.start();
    await server.connect(await server.logIn());
    server.child.kill("SIGTERM");
    const sentAt = Date.now();
    await until("a second has passed", () => Date.now() - sentAt > 1100);
    server.child.kill("SIGTERM");
    expect(await server.child.exited).toBe(130);
  });

  test("Ctrl-C that arrives twice within a second is one signal", async () => {
    await using server = await StandaloneServer.start();
    server.child.kill("SIGINT");
    server.child.kill("SIGINT");
    expect(await server.child.exited).toBe(0);
  });
});

/** A file system of its own, or the reason why there is none. */
function mount(path: string, options: string): string | undefined {
  mkdirSync(path, { recursive: true });
  const { status, stderr, error } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  return status === 0 ? undefined : String(error ?? stderr);
}

describe("disks that refuse", () => {
  const probe = temporaryDirectory();
  const noMount = mount(probe, "size=1m");
  if (noMount === undefined) spawnSync("umount", [probe]);
  rmSync(probe, { recursive: true, force: true });
  if (noMount !== undefined) {
    if (Bun.env["CI"] === "true") throw new Error(`no file system can be mounted: ${noMount}`);
    process.stderr.write(`skipped: tests of full disks, because no file system can be mounted: ${noMount}\n`);
  }

  test.skipIf(noMount !== undefined)(
    "an unwritable and a full data directory are named with the way out",
    async () => {
      for (const [options, fill, sentence] of [
        ["size=1m,ro", false, /cannot be written to \(EROFS\)/],
        ["size=64k", true, /is on a full disk \(ENOSPC\)/],
      ] as const) {
        const path = join(directory, `disk-${++requests}`);
        expect(mount(path, options)).toBeUndefined();
        try {
          if (fill) spawnSync("dd", ["if=/dev/zero", `of=${join(path, "fill")}`, "bs=4k"]);
          expectRefusal(await runToEnd(["--port", "0", "--data", path]), sentence, path);
        } finally {
          spawnSync("umount", [path]);
        }
      }
    },
  );

  test.skipIf(noMount !== undefined)(
    "failfast_persistence: a disk that fills answers SERVICE_UNAVAILABLE, and sends go on once there is room",
    async () => {
      const path = join(directory, "filling");
      expect(mount(path, "size=24m")).toBeUndefined();
      const server = await StandaloneServer.start({ dataDir: path });
      try {
        const [alice, bob] = await Promise.all([server.logIn(), server.logIn()]);
        const chat = await server.group(alice, bob);
        const socket = await server.connect(alice);
        let acked = 0;
        for (; acked < 5; acked++)
          expect((await socket.ask(sendOf(chat, "x".repeat(4000)))).type).toBe("send_message_ack");
        spawnSync("dd", ["if=/dev/zero", `of=${join(path, "fill")}`, "bs=4k"]);
        let refused = 0;
        for (let n = 0; n < 3000 && refused < 3; n++) {
          const answer = await socket.ask(sendOf(chat, "x".repeat(4000)));
          if (answer.type === "send_message_ack") acked++;
          else {
            expect(answer.payload.code).toBe("SERVICE_UNAVAILABLE");
            refused++;
          }
        }
        expect(refused).toBe(3);
        rmSync(join(path, "fill"));
        const answer = await socket.ask(sendOf(chat, "room again"));
        expect(answer.payload.sequence).toBe(acked + 1);
        expect(
          (
            await socket.ask({
              type: "sync_request",
              request_id: "s",
              payload: { chat_id: chat, last_acked_sequence: acked },
            })
          ).payload.messages,
        ).toHaveLength(1);
      } finally {
        await server[Symbol.asyncDispose]();
        spawnSync("umount", [path]);
      }
    },
  );
});
