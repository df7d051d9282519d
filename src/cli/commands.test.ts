/**
 * Goal: the tools do to a data directory what they say, and nothing when they refuse.
 * Method: the commands themselves on a directory with a small database, and a tiny server for the health check.
 */
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openKeyFiles } from "../shared/auth/key-files.ts";
import { systemRandom } from "../shared/runtime/system-random.ts";
import { databaseFileName, openDataDirectory } from "../shared/stores/sqlite/data-directory.ts";
import { defaultDatabaseOptions, openDatabase } from "../shared/stores/sqlite/open-database.ts";
import { standaloneCommands } from "./commands.ts";
import { runCommandLine } from "./run-command-line.ts";

let home: string;
let data: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "triplane-cli-"));
  data = join(home, "data");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function makeDatabase(): void {
  mkdirSync(data);
  const db = openDatabase(join(data, databaseFileName), defaultDatabaseOptions);
  db.run(`
    INSERT INTO chats VALUES (1, 'chat_a', 'direct', NULL, 'user_a', 0, 1, 1);
    INSERT INTO direct_chat_index VALUES ('user_a#user_b', 'chat_a');
    INSERT INTO chat_counters VALUES (1, 2);
    INSERT INTO messages VALUES
      (1, 1, 1, x'00000000000000000000000000000001', 'msg_1', 'user_a', 'one', 1000, NULL, NULL),
      (2, 1, 2, x'00000000000000000000000000000002', 'msg_2', 'user_a', 'two', 1001, NULL, NULL);`);
  db.close();
}

function change(sql: string): void {
  const db = new Database(join(data, databaseFileName), { readwrite: true });
  db.run(sql);
  db.close();
}

async function type(argv: readonly string[], env: Readonly<Record<string, string>> = { DATA_DIR: data }) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { env, out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const code = await runCommandLine(argv, standaloneCommands, io);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("every command explains itself", async () => {
  for (const { name, summary } of standaloneCommands) {
    const { code, out } = await type([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(summary);
  }
});

describe("verify", () => {
  test("finds nothing in a sound database", async () => {
    makeDatabase();
    expect(await type(["verify"])).toEqual({
      code: 0,
      out: "",
      err: "nothing wrong in 1 chats with 2 messages",
    });
  });

  test("exits 1 and names the rule and the chat", async () => {
    makeDatabase();
    change("DELETE FROM messages WHERE sequence = 1");
    const { code, out, err } = await type(["verify"]);
    expect([code, err]).toEqual([1, "1 finding(s) in 1 chats with 1 messages"]);
    expect(out).toBe("sequence_dense: chat chat_a has counter 2 and 1 messages with sequences 2 to 2");
    expect(JSON.parse((await type(["verify", "--json"])).out).rule).toBe("sequence_dense");
  });

  test("without a database it says where it looked, and makes none", async () => {
    const { code, err } = await type(["verify", "--data", join(home, "nowhere")]);
    expect(code).toBe(1);
    expect(err).toContain(`${join(home, "nowhere")} holds no database`);
    expect(readdirSync(home)).toEqual([]);
  });
});

describe("repair counter", () => {
  test("sets a lost counter to the highest stored sequence", async () => {
    makeDatabase();
    change("DELETE FROM chat_counters");
    expect((await type(["verify"])).out).toContain("triplane repair counter chat_a");
    const repaired = await type(["repair", "counter", "chat_a"]);
    expect([repaired.code, repaired.out]).toEqual([0, "chat chat_a continues after sequence 2"]);
    expect((await type(["verify"])).code).toBe(0);
  });

  test.each([
    ["a chat that is not there", ["repair", "counter", "chat_b"], 1, "there is no chat chat_b"],
    ["a text that is no id", ["repair", "counter", "a"], 2, '"a" is no chat id'],
    ["anything else", ["repair", "roof", "chat_a"], 2, '"roof" cannot be repaired'],
  ])("refuses %s", async (_name, argv, code, sentence) => {
    makeDatabase();
    const answer = await type(argv);
    expect(answer.code).toBe(code);
    expect(answer.err).toContain(sentence);
  });
});

describe("backup and restore", () => {
  test("bring back what was there, and keep what is replaced", async () => {
    makeDatabase();
    const file = join(home, "copy.sqlite");
    expect((await type(["backup", file])).code).toBe(0);
    change("DELETE FROM messages; DELETE FROM chat_counters");
    const restored = await type(["restore", file]);
    expect(restored.code).toBe(0);
    expect(restored.err).toContain("is kept as");
    expect((await type(["verify"])).err).toBe("nothing wrong in 1 chats with 2 messages");
  });

  test("a backup replaces no file", async () => {
    makeDatabase();
    const file = join(home, "copy.sqlite");
    await type(["backup", file]);
    const again = await type(["backup", file]);
    expect(again.code).toBe(1);
    expect(again.err).toContain("exists: choose another name");
  });

  test("a restore into a directory in use is refused", async () => {
    makeDatabase();
    const file = join(home, "copy.sqlite");
    await type(["backup", file]);
    const held = openDataDirectory(data);
    try {
      const { code, err } = await type(["restore", file]);
      expect(code).toBe(1);
      expect(err).toContain("in use by another server");
    } finally {
      held.close();
    }
  });
});

describe("seed", () => {
  test("makes users, sessions and chats, and a file that only the owner reads", async () => {
    const file = join(home, "users.jsonl");
    const { code, err } = await type([
      "seed",
      "--users",
      "10",
      "--chats",
      "5",
      "--members",
      "4",
      "--out",
      file,
    ]);
    expect({ code, err }).toEqual({
      code: 0,
      err: `10 users and 5 chats are in ${data}, their tokens in ${file}`,
    });
    const users = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(users).toHaveLength(10);
    for (const user of users) {
      expect(Object.keys(user)).toEqual([
        "user_id",
        "phone_number",
        "device_id",
        "access_token",
        "refresh_token",
        "chat_ids",
      ]);
      expect(Math.abs(user.chat_ids.length - 2)).toBeLessThanOrEqual(1);
    }
    expect(users.flatMap((user) => user.chat_ids)).toHaveLength(5 * 4);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await type(["verify"])).err).toBe("nothing wrong in 5 chats with 0 messages");
    const database = new Database(join(data, databaseFileName), { readonly: true });
    expect(database.query("SELECT count(*) AS n FROM sessions").get()).toEqual({ n: 10 });
    database.close();
  });

  test("a second seed adds to the first, while a server holds the directory", async () => {
    mkdirSync(data, { mode: 0o700 });
    const held = openDataDirectory(data);
    try {
      for (const name of ["a", "b"])
        expect((await type(["seed", "--users", "3", "--out", join(home, name)])).code).toBe(0);
    } finally {
      held.close();
    }
  });

  test("its tokens live as long as asked", async () => {
    const file = join(home, "users.jsonl");
    await type(["seed", "--users", "1", "--out", file, "--token-ttl", "86400"]);
    expect(lifeOf(JSON.parse(readFileSync(file, "utf8")).access_token)).toBe(86_400);
  });

  test.each([
    ["no users", ["seed", "--out", "x"], "--users is missing"],
    ["no file", ["seed", "--users", "1"], "--out is missing"],
    [
      "more members than users",
      ["seed", "--users", "2", "--chats", "1", "--members", "3", "--out", "x"],
      "only 2 users",
    ],
    ["a member alone", ["seed", "--users", "2", "--members", "1", "--out", "x"], '--members is "1"'],
  ])("refuses %s and makes nothing", async (_name, argv, sentence) => {
    const { code, err } = await type(argv);
    expect(code).toBe(2);
    expect(err).toContain(sentence);
    expect(readdirSync(home)).toEqual([]);
  });

  test("a file that cannot be written leaves no half", async () => {
    const { code, err } = await type(["seed", "--users", "1", "--out", join(home, "no/such/dir/x")]);
    expect(code).toBe(1);
    expect(err).toContain("ENOENT");
  });
});

describe("token", () => {
  test("opens one session more for the same user each time", async () => {
    const first = JSON.parse((await type(["token", "+14155550123"])).out);
    const second = JSON.parse((await type(["token", "+14155550123", "--token-ttl", "60"])).out);
    expect(second.user_id).toBe(first.user_id);
    expect(second.access_token).not.toBe(first.access_token);
    expect([lifeOf(first.access_token), lifeOf(second.access_token)]).toEqual([3600, 60]);
  });

  test("prints the access token alone when asked", async () => {
    const { out } = await type(["token", "+14155550123", "--access-only"]);
    expect(out.split(".")).toHaveLength(3);
  });

  test("refuses what is no phone number", async () => {
    const { code, err } = await type(["token", "0123"]);
    expect(code).toBe(2);
    expect(err).toContain('"0123" is no phone number');
  });
});

/** Seconds between `iat` and `exp`. */
function lifeOf(token: string): number {
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  return claims.exp - claims.iat;
}

describe("config", () => {
  test("shows values with their source, and no secret", async () => {
    const { code, out } = await type(["config", "--port", "9000"], {
      METRICS_TOKEN: "0123456789abcdef",
      HOST: "::1",
    });
    expect(code).toBe(0);
    expect(out).toMatch(/^PORT +9000 {2}\(flag\)$/m);
    expect(out).toMatch(/^HOST +::1 {2}\(environment\)$/m);
    expect(out).toMatch(/^DATA_DIR +\.\/data {2}\(default\)$/m);
    expect(out).toMatch(/^METRICS_TOKEN +\(set\) {2}\(environment\)$/m);
    expect(out).not.toContain("0123456789abcdef");
  });

  test("shows only what was changed when asked, one JSON object a line", async () => {
    const { out } = await type(["config", "--changed", "--json"], { LIMITS_OTP_PER_PHONE: "4" });
    expect(out.split("\n").map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        key: "limits.otp.per_phone",
        value: "4",
        source: "environment",
        default: "3",
      }),
    ]);
  });

  test("says everything that is wrong", async () => {
    const { code, err } = await type(["config"], { PORT: "x", LOG_LEVEL: "y" });
    expect(code).toBe(1);
    expect(err).toContain('PORT is "x"');
    expect(err).toContain('LOG_LEVEL is "y"');
  });
});

describe("healthcheck", () => {
  test.each([
    [200, "healthy", 0],
    [200, "degraded", 0],
    [503, "draining", 1],
  ])("status %d and %s exit with %d", async (status, text, code) => {
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => Response.json({ status: text }, { status }),
    });
    const answer = await type(["healthcheck"], { PORT: String(server.port), HOST: "0.0.0.0" });
    expect(answer).toEqual({ code, out: `${text} (${status})`, err: "" });
  });

  test("nobody there is a failure in one line", async () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const port = server.port;
    await server.stop(true);
    const { code, err } = await type(["healthcheck", "--port", String(port)]);
    expect(code).toBe(1);
    expect(err).toContain("is the server running?");
  });
});

test("version tells version, commit and runtime", async () => {
  expect((await type(["version"])).out).toMatch(
    /^triplane \d+\.\d+\.\d+ \(commit ([0-9a-f]{12}|unknown), Bun 1\.4\.5\)$/,
  );
});

describe("keys rotate", () => {
  test("prints the id of the new key, which the next start signs with", async () => {
    const before = await openKeyFiles(data, systemRandom);
    const { code, out } = await type(["keys", "rotate"]);
    const after = await openKeyFiles(data, systemRandom);
    expect([code, out]).toEqual([0, after.signingKeys.currentKeyId]);
    expect(out).not.toBe(before.signingKeys.currentKeyId);
    expect(after.signingKeys.keys[1]?.keyId).toBe(before.signingKeys.currentKeyId);
    expect(after.otpPepper).toEqual(before.otpPepper);
  });

  test("without keys it says where it looked; anything else than a rotation is refused", async () => {
    const missing = await type(["keys", "rotate"]);
    expect([missing.code, missing.err.includes(data)]).toEqual([1, true]);
    expect((await type(["keys", "burn"])).code).toBe(2);
  });
});
