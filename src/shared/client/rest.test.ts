/** Goal: REST calls are repeated only where that is safe, and failures say what happened. Method: a scripted server. */
import { describe, expect, test } from "bun:test";
import { SeededRandom } from "../../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../../tests/simulation/virtual-clock.ts";
import { TriplaneClient } from "./client.ts";
import { LoggedOutError, RestError } from "./client-errors.ts";
import { type RecordedCall, restError, ScriptedServer, scriptedUser } from "./scripted-server.ts";
import { MemoryStorage } from "./storage-memory.ts";

async function start(loggedIn = true) {
  const clock = new VirtualClock();
  const server = new ScriptedServer({ clock, supportsHeaders: true, latencyMs: 5 });
  const storage = new MemoryStorage();
  const open = () =>
    TriplaneClient.open({
      baseUrl: "http://server.test",
      clock,
      random: new SeededRandom(1),
      sockets: server.sockets,
      fetch: server.fetch,
      storage,
    });
  const client = await open();
  if (loggedIn) await client.useSession(scriptedUser);
  /** The outcome of a call, with as much time as it needs. */
  const outcome = async <T>(promise: Promise<T>): Promise<T | Error> => {
    let result: { value: T | Error } | undefined;
    promise.then(
      (value) => {
        result = { value };
      },
      (error: Error) => {
        result = { value: error };
      },
    );
    await clock.runUntil(() => result !== undefined, 600_000);
    return result?.value as T | Error;
  };
  return { clock, server, client, outcome, open };
}

const refreshes = (server: ScriptedServer): readonly RecordedCall[] =>
  server.calls.filter((call) => call.path === "/auth/refresh");

describe("failures", () => {
  test("the server's error is told in full", async () => {
    const { server, client, outcome } = await start();
    server.onCall = () => ({
      status: 409,
      body: {
        error: {
          code: "ALREADY_A_MEMBER",
          message: "Already a member",
          details: { user_id: "user_B" },
          request_id: "request-7",
        },
      },
    });
    const error = await outcome(client.rest.addMember("chat_A", "user_B"));
    expect(error).toBeInstanceOf(RestError);
    expect(error).toMatchObject({
      status: 409,
      code: "ALREADY_A_MEMBER",
      details: { user_id: "user_B" },
      requestId: "request-7",
    });
    expect(server.calls.length).toBe(1);
  });

  test.each([
    ["an error page of a proxy", { status: 502, body: "<html>" }, 502, "INVALID_RESPONSE"],
    ["an error without a code", { status: 400, body: { error: {} } }, 400, "INVALID_RESPONSE"],
  ])("%s", async (_, answer, status, code) => {
    const { server, client, outcome } = await start();
    server.onCall = () => answer;
    expect(await outcome(client.rest.me())).toMatchObject({ status, code });
  });

  test("no answer is a NETWORK_ERROR after 4 attempts", async () => {
    const { server, client, outcome } = await start();
    server.onCall = () => "lost";
    expect(await outcome(client.rest.me())).toMatchObject({ status: 0, code: "NETWORK_ERROR" });
    expect(server.calls.length).toBe(4);
  });

  test("an aborted call rejects with the signal's reason and is not repeated", async () => {
    const { clock, server, client } = await start();
    server.onCall = () => "lost";
    const controller = new AbortController();
    const call = client.rest.me(controller.signal);
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await clock.advance(60_000);
    expect(server.calls.length).toBeLessThanOrEqual(1);
  });
});

describe("repetition", () => {
  test("a creation keeps its Idempotency-Key over all attempts, another creation has its own", async () => {
    const { server, client, outcome } = await start();
    let failures = 0;
    server.onCall = (call) => {
      if (call.method !== "POST") return undefined;
      failures++;
      if (failures === 1) return "lost";
      if (failures === 2) return restError(409, "CONFLICT");
      if (failures === 3) return restError(503, "SERVICE_UNAVAILABLE");
      return { status: 201, body: { data: { chat_id: "chat_A" } } };
    };
    await outcome(client.rest.createGroup("Team", ["user_B"]));
    await outcome(client.rest.createGroup("Team", ["user_B"]));
    const keys = server.calls
      .filter((call) => call.method === "POST")
      .map((call) => call.headers["Idempotency-Key"] ?? "none");
    expect(keys.length).toBe(5);
    expect(new Set(keys.slice(0, 4)).size).toBe(1);
    expect(keys[4]).not.toBe(keys[0]);
  });

  test.each([
    ["requestOtp", (client: TriplaneClient) => client.rest.requestOtp("+14155551234")],
    ["leave", (client: TriplaneClient) => client.rest.leave("chat_A")],
    ["removeMember", (client: TriplaneClient) => client.rest.removeMember("chat_A", "user_B")],
  ])("%s is not repeated", async (_, call) => {
    const { server, client, outcome } = await start();
    server.onCall = () => "lost";
    await outcome(call(client) as Promise<unknown>);
    expect(server.calls.length).toBe(1);
  });

  test("Retry-After is obeyed, a long one is left to the caller", async () => {
    const { clock, server, client, outcome } = await start();
    let limited = true;
    server.onCall = () => {
      if (!limited) return undefined;
      limited = false;
      return restError(429, "RATE_LIMITED", { "Retry-After": "20" });
    };
    const startMs = clock.nowMs();
    expect(await outcome(client.rest.me())).toMatchObject({ user_id: scriptedUser.userId });
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(20_000);
    server.onCall = () => restError(429, "RATE_LIMITED", { "Retry-After": "900" });
    expect(await outcome(client.rest.me())).toMatchObject({ status: 429, retryAfterMs: 900_000 });
  });
});

describe("the session", () => {
  test("many calls that meet 401 share one refresh, with both tokens and the device", async () => {
    const { server, client, outcome } = await start();
    server.onCall = (call) =>
      call.headers["Authorization"] === `Bearer ${scriptedUser.accessToken}` && call.path !== "/auth/refresh"
        ? restError(401, "UNAUTHORIZED")
        : undefined;
    await outcome(Promise.all(Array.from({ length: 10 }, () => client.rest.me())));
    expect(refreshes(server).length).toBe(1);
    expect(refreshes(server)[0]).toMatchObject({
      body: { refresh_token: scriptedUser.refreshToken },
      headers: {
        Authorization: `Bearer ${scriptedUser.accessToken}`,
        "X-Device-ID": scriptedUser.deviceId,
      },
    });
  });

  test("a refused refresh ends the session, is told once, and is remembered", async () => {
    const { server, client, outcome, open } = await start();
    const reasons: string[] = [];
    client.on("loggedOut", ({ reason }) => reasons.push(reason));
    server.onCall = (call) =>
      restError(401, call.path === "/auth/refresh" ? "INVALID_REFRESH_TOKEN" : "UNAUTHORIZED");
    expect(await outcome(client.rest.me())).toBeInstanceOf(LoggedOutError);
    expect(await outcome(client.rest.me())).toMatchObject({ reason: "not_logged_in" });
    expect(reasons).toEqual(["INVALID_REFRESH_TOKEN"]);
    expect(client.userId).toBeUndefined();
    expect((await open()).userId).toBeUndefined();
    expect(await outcome(client.connect())).toBeInstanceOf(LoggedOutError);
  });

  test("a refused refresh is no end when another client of the storage was first", async () => {
    const { server, client, outcome, open } = await start();
    const other = await open();
    server.onCall = (call) =>
      call.path !== "/auth/refresh" && call.headers["Authorization"] === `Bearer ${scriptedUser.accessToken}`
        ? restError(401, "UNAUTHORIZED")
        : undefined;
    await outcome(other.rest.me());
    const earlier = server.onCall;
    server.onCall = (call) =>
      call.path === "/auth/refresh" ? restError(401, "INVALID_REFRESH_TOKEN") : earlier(call);
    expect(await outcome(client.rest.me())).toMatchObject({ user_id: scriptedUser.userId });
    expect(client.userId).toBe(scriptedUser.userId);
  });

  test("a refresh that gets no answer is no end: the next need tries again", async () => {
    const { server, client, outcome } = await start();
    let reachable = false;
    server.onCall = (call) => {
      if (call.path === "/auth/refresh") return reachable ? undefined : "lost";
      return call.headers["Authorization"] === `Bearer ${scriptedUser.accessToken}`
        ? restError(401, "UNAUTHORIZED")
        : undefined;
    };
    expect(await outcome(client.rest.me())).toMatchObject({ code: "NETWORK_ERROR" });
    expect(client.userId).toBe(scriptedUser.userId);
    reachable = true;
    expect(await outcome(client.rest.me())).toMatchObject({ user_id: scriptedUser.userId });
  });

  test("logout tells the server and forgets the tokens, also when it does not answer", async () => {
    const { server, client, outcome, open } = await start();
    server.onCall = () => "lost";
    expect(await outcome(client.logout())).toMatchObject({ code: "NETWORK_ERROR" });
    expect(server.calls.every((call) => call.path === "/auth/logout")).toBe(true);
    expect((await open()).userId).toBeUndefined();
  });

  test("the device id is made once and outlives sessions", async () => {
    const { client, outcome, open } = await start(false);
    const { deviceId } = client;
    expect(deviceId).toMatch(/^[0-9a-f-]{36}$/);
    await outcome(client.login("+14155551234", "000000"));
    await outcome(client.logout());
    expect((await open()).deviceId).toBe(deviceId);
  });

  test("another user of the same storage gets none of the first one's messages", async () => {
    const { clock, server, client, open } = await start();
    server.addChat("chat_A", 3);
    const connected = client.connect();
    await clock.advance(1_000);
    await connected;
    client.send("chat_A", "not sent yet").acked.catch(() => undefined);
    client.abandon();
    const next = await open();
    expect(next.unsent.length + next.chatIds.length).toBe(2);
    await next.useSession({ ...scriptedUser, userId: "user_OTHER" });
    expect(next.unsent.length + next.chatIds.length).toBe(0);
    expect(await next.messages("chat_A")).toEqual([]);
    const again = await open();
    expect(again.unsent.length + again.chatIds.length).toBe(0);
  });
});
