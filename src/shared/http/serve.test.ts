/** Goal: the edge keeps its promises over real sockets. Method: Bun.serve on a free port, fetch and raw TCP against it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import { createEdgeFixture, userHeaders } from "./edge-fixture.ts";

const fixture = createEdgeFixture({ cors: ["https://app.example"] }, { rateLimitsEnabled: false });
let server: Bun.Server<unknown>;
let base = "";

beforeAll(() => {
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    maxRequestBodySize: 1_048_576,
    development: false,
    fetch: (request, self) =>
      fixture.app.fetch(request, { socketAddress: self.requestIP(request)?.address ?? "" }),
  });
  base = `http://127.0.0.1:${server.port}`;
});

afterAll(() => server.stop(true));

/** Sends bytes as they are and returns what comes back until the server closes. */
async function raw(request: string): Promise<string> {
  const done = Promise.withResolvers<string>();
  let received = "";
  await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port ?? 0,
    socket: {
      open: (socket) => void socket.write(request),
      data: (_, bytes) => {
        received += bytes.toString();
      },
      close: () => done.resolve(received),
      error: (_, error) => done.reject(error),
    },
  });
  return done.promise;
}

const close = "host: x\r\nconnection: close\r\n";

test("HEAD carries no body, and the connection stays in step", async () => {
  const head = await fetch(`${base}/api/v1/users/me`, { method: "HEAD", headers: userHeaders() });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const get = await fetch(`${base}/api/v1/users/me`, { headers: userHeaders() });
  expect(await get.json()).toHaveProperty("data.user_id");
});

test("204 has neither body nor content type", async () => {
  const response = await fetch(`${base}/api/v1/auth/logout`, { method: "POST", headers: userHeaders() });
  expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
    204,
    null,
    "",
  ]);
});

test.each([
  ["announced", `content-length: 70000\r\n\r\n${" ".repeat(70_000)}`],
  [
    "chunked",
    `transfer-encoding: chunked\r\n\r\n${(70_000).toString(16)}\r\n${" ".repeat(70_000)}\r\n0\r\n\r\n`,
  ],
])("a body above 64 KiB is refused with our envelope when it is %s", async (_, rest) => {
  const answer = await raw(
    `PATCH /api/v1/users/me HTTP/1.1\r\n${close}authorization: Bearer valid\r\ncontent-type: application/json\r\n${rest}`,
  );
  expect(answer).toStartWith("HTTP/1.1 413");
  expect(answer).toContain('"code":"PAYLOAD_TOO_LARGE"');
});

test.each(["/api/v1/chats/%", "/api/v1/chats/%ff", "/api/v1/chats/%00", "/api/v1/chats/..%2fusers"])(
  "the path %s is a wrong field, nothing worse",
  async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\n${close}authorization: Bearer valid\r\n\r\n`);
    expect(answer).toStartWith("HTTP/1.1 400");
    expect(answer).toContain('"field":"chat_id","code":"INVALID_FORMAT"');
  },
);

test("a generated client calls the same port", async () => {
  for (const useBinaryFormat of [true, false]) {
    const transport = createTransport({
      baseUrl: base,
      useBinaryFormat,
      interceptors: [],
      acceptCompression: [],
      sendCompression: null,
      compressMinBytes: 1024,
      readMaxBytes: 1_048_576,
      writeMaxBytes: 1_048_576,
      httpClient: createFetchClient(fetch),
    });
    const client = createClient(ChatMgmtService, transport);
    const chat = await client.getChat({ chatId: "chat_1" }, { headers: { authorization: "Bearer valid" } });
    expect([chat.memberCount, chat.currentSequence]).toEqual([2, 47n]);
  }
});

test("RPC has security headers, CORS and an envelope for unknown methods", async () => {
  const path = `${base}/messaging.v1.ChatMgmtService`;
  const origin = { origin: "https://app.example" };
  const answer = await fetch(`${path}/GetMe`, {
    method: "POST",
    headers: { ...userHeaders(), ...origin },
    body: "{}",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example");
  const preflight = await fetch(`${path}/GetMe`, {
    method: "OPTIONS",
    headers: { ...origin, "access-control-request-method": "POST" },
  });
  expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([
    204,
    "POST, OPTIONS",
  ]);
  const unknown = await fetch(`${path}/NoSuchMethod`, { method: "POST", headers: userHeaders(), body: "{}" });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ error: { code: "NOT_FOUND" } });
});
