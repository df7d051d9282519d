/**
 * Goal: what a real server lets in, serves and writes: forged tokens at all three doors, requests cut off, documents,
 * no inner service, no secret in its log. Method: one process, tokens signed by hand with its own keys.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { decodeJwt, exportSPKI, importJWK, type JWTHeaderParameters, SignJWT, UnsecuredJWT } from "jose";
import {
  generateKeySet,
  keyDirectory,
  readSigningKeys,
  signingKeysFile,
} from "../../src/shared/auth/key-files.ts";
import { type KeySet, publicKeySet } from "../../src/shared/auth/key-set.ts";
import { ChatMgmtService } from "../../src/shared/gen/messaging/v1/chatmgmt_pb.js";
import { GatewayService } from "../../src/shared/gen/messaging/v1/gateway_pb.js";
import { IngestService } from "../../src/shared/gen/messaging/v1/ingest_pb.js";
import {
  type Person,
  runToEnd,
  StandaloneServer,
  temporaryDirectory,
  until,
} from "../end-to-end/standalone-server.ts";

setDefaultTimeout(60_000);

let server: StandaloneServer;
let alice: Person;
let keys: KeySet;
let otherKeys: KeySet;

beforeAll(async () => {
  server = await StandaloneServer.start({ env: { LOG_LEVEL: "debug" } });
  alice = await server.logIn();
  keys = await readSigningKeys(server.dataDir);
  otherKeys = await generateKeySet();
});
afterAll(() => server[Symbol.asyncDispose]());

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Alice's own claims, changed. */
async function forged(
  claims: Record<string, unknown>,
  header: Partial<JWTHeaderParameters> = {},
  signer: KeySet = keys,
): Promise<string> {
  const algorithm = header.alg ?? "RS256";
  const all = Object.entries({ ...decodeJwt(alice.token), jti: crypto.randomUUID(), ...claims });
  return new SignJWT(Object.fromEntries(all.filter(([, value]) => value !== undefined)))
    .setProtectedHeader({ alg: algorithm, kid: keys.currentKeyId, typ: "JWT", ...header })
    .sign(await importJWK({ ...signer.keys[0]?.jwk, alg: algorithm }, algorithm));
}

const forgeries: readonly (readonly [string, () => Promise<string>])[] = [
  ["alg none", async () => new UnsecuredJWT(decodeJwt(alice.token)).encode()],
  [
    "HS256 signed with the public key as secret",
    async () => {
      const [key] = publicKeySet(keys).keys;
      const spki = await exportSPKI((await importJWK(key?.jwk ?? {}, "RS256")) as CryptoKey);
      return new SignJWT(decodeJwt(alice.token))
        .setProtectedHeader({ alg: "HS256", kid: keys.currentKeyId })
        .sign(new TextEncoder().encode(spki));
    },
  ],
  ["RS512", () => forged({}, { alg: "RS512" })],
  ["another issuer", () => forged({ iss: "somebody" })],
  ["another audience", () => forged({ aud: "other-api" })],
  ["an issue time in the future", () => forged({ iat: seconds() + 60 })],
  ["a beginning in the future", () => forged({ nbf: seconds() + 60 })],
  ["an unknown key id", () => forged({}, { kid: "unknown" }, otherKeys)],
  ["another key under our key id", () => forged({}, {}, otherKeys)],
  ["no session", () => forged({ sid: undefined })],
  ["no token id", () => forged({ jti: undefined })],
  ["half of a token", async () => alice.token.slice(0, alice.token.length / 2)],
];

describe("algorithm pinning, refresh_requires_valid_access_token: forged tokens at every door", () => {
  test("a token signed by hand with nothing wrong is let in: the rows below fail for their reason alone", async () => {
    expect((await server.rest("GET", "/api/v1/users/me", { token: await forged({}) })).status).toBe(200);
  });

  test.each(forgeries)("%s", async (_, forge) => {
    const token = await forge();
    const rest = await server.rest("GET", "/api/v1/users/me", { token });
    expect([rest.status, rest.body.error.code, rest.body.error.details.reason]).toEqual([
      401,
      "UNAUTHORIZED",
      "token_invalid",
    ]);
    expect(rest.headers.get("www-authenticate")).toBe('Bearer realm="triplane", error="invalid_token"');
    const refresh = await server.rest("POST", "/api/v1/auth/refresh", {
      token,
      headers: { "x-device-id": alice.deviceId },
      body: { refresh_token: alice.refreshToken },
    });
    expect([refresh.status, refresh.body.error.code]).toEqual([401, "UNAUTHORIZED"]);
    const rpc = await server.rest("POST", `/${ChatMgmtService.typeName}/GetMe`, { token, body: {} });
    expect([rpc.status, rpc.headers.get("x-error-code")]).toEqual([401, "UNAUTHORIZED"]);
    const socket = await server.open(`/ws/v1?device_id=${alice.deviceId}`, {
      Authorization: `Bearer ${token}`,
    });
    expect([socket.status, JSON.parse(socket.body).error]).toEqual([401, "invalid_token"]);
    socket.destroy();
  });

  test("an expired token is refused everywhere but for a refresh", async () => {
    const token = await forged({ iat: seconds() - 7200, exp: seconds() - 3600 });
    const rest = await server.rest("GET", "/api/v1/users/me", { token });
    expect([rest.status, rest.body.error.details.reason]).toEqual([401, "token_expired"]);
    const bob = await server.logIn();
    const claims = { ...decodeJwt(bob.token), iat: seconds() - 7200, exp: seconds() - 3600 };
    const refreshed = await server.rest("POST", "/api/v1/auth/refresh", {
      token: await forged(claims),
      headers: { "x-device-id": bob.deviceId },
      body: { refresh_token: bob.refreshToken },
    });
    expect(refreshed.status).toBe(200);
  });
});

test("token_revocation_effective: after a logout the token is refused at every door, its socket closed within a second", async () => {
  const carol = await server.logIn();
  const socket = await server.connect(carol);
  const out = await server.rest("POST", "/api/v1/auth/logout", {
    token: carol.token,
    body: { refresh_token: carol.refreshToken },
  });
  expect(out.status).toBe(204);
  await until("the socket is closed", () => socket.ended || socket.closedWith !== undefined, 1000);
  expect(socket.closedWith?.code).toBe(1008);
  const rest = await server.rest("GET", "/api/v1/users/me", { token: carol.token });
  expect([rest.status, rest.body.error.details.reason]).toEqual([401, "token_revoked"]);
  const rpc = await server.rest("POST", `/${ChatMgmtService.typeName}/GetMe`, {
    token: carol.token,
    body: {},
  });
  expect(rpc.status).toBe(401);
  const again = await server.open(`/ws/v1?device_id=${carol.deviceId}`, {
    Authorization: `Bearer ${carol.token}`,
  });
  expect([again.status, JSON.parse(again.body).error]).toEqual([401, "token_revoked"]);
});

test("a request whose body is cut off in the middle changes nothing, and the server goes on", async () => {
  const socket = connect(server.port, "127.0.0.1");
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const head = [
    "PATCH /api/v1/users/me HTTP/1.1",
    "Host: triplane.test",
    `Authorization: Bearer ${alice.token}`,
    "Content-Type: application/json",
    "Content-Length: 100",
  ];
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => undefined);
  socket.end(`${head.join("\r\n")}\r\n\r\n{"display_name":"Half`);
  socket.resume();
  const me = await server.rest("GET", "/api/v1/users/me", { token: alice.token });
  expect([me.status, me.body.data.display_name]).toEqual([200, null]);
  socket.destroy();
  await ended;
});

test("the documents are served without a token, and nothing in the page loads from elsewhere", async () => {
  for (const [path, start] of [
    ["/api/v1/openapi.yaml", 'openapi: "3.1.0"'],
    ["/api/v1/asyncapi.yaml", 'asyncapi: "3.0.0"'],
  ] as const) {
    const { status, headers } = await server.rest("GET", path);
    expect([status, headers.get("content-type")]).toEqual([200, "application/yaml; charset=utf-8"]);
    expect(await (await fetch(`${server.url}${path}`)).text()).toStartWith(start);
  }
  const page = await server.rest("GET", "/docs");
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(page.body).not.toMatch(/<script|<link[^>]+href="http|src="http/);
  for (const link of ["/api/v1/openapi.yaml", "/api/v1/asyncapi.yaml"]) expect(page.body).toContain(link);
});

test("RPC answers carry security headers and rate headers; inner services are not there", async () => {
  const rpc = await server.rest("POST", `/${ChatMgmtService.typeName}/GetMe`, {
    token: alice.token,
    body: {},
  });
  expect([rpc.status, rpc.body.userId]).toEqual([200, alice.userId]);
  expect(rpc.headers.get("x-content-type-options")).toBe("nosniff");
  expect(rpc.headers.get("x-ratelimit-limit")).toMatch(/^\d+$/);
  for (const service of [IngestService, GatewayService]) {
    for (const method of service.methods) {
      const path = `/${service.typeName}/${method.name}`;
      const reply = await server.rest("POST", path, { token: alice.token, body: {} });
      expect([path, reply.status, reply.body.error?.code]).toEqual([path, 404, "NOT_FOUND"]);
    }
  }
});

test("no secret in output: the log of all of the above at its most talkative holds no key, code or token", async () => {
  await server.rest("GET", `/ws/v1?token=${alice.token}&device_id=${alice.deviceId}`);
  await until("the log has been written", () => server.log.includes('"route":"/docs"'));
  const directory = join(server.dataDir, keyDirectory);
  const secrets = [
    ...["otp-pepper", "otp-cipher-key", "integrity-key"].map((file) =>
      readFileSync(join(directory, file), "utf8").trim(),
    ),
    ...keys.keys.flatMap(({ jwk }) => [jwk.d, jwk.p, jwk.q].filter((part) => part !== undefined)),
    alice.token,
    alice.refreshToken,
    alice.phoneNumber,
  ];
  // The code, but not the digits of a duration.
  expect(server.log).not.toMatch(/(?<![\d.])000000(?!\d)/);
  for (const secret of secrets) {
    const at = server.log.indexOf(secret);
    expect(at === -1 ? "" : server.log.slice(Math.max(0, at - 200), at)).toBe("");
  }
});

test("signing_key_required, public_key_required: a damaged key stops the start with one line that names the file", async () => {
  const dataDir = temporaryDirectory();
  const path = join(dataDir, keyDirectory, signingKeysFile);
  await Bun.write(path, "{}");
  const { exitCode, stdout, stderr } = await runToEnd(["--port", "0", "--data", dataDir]);
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(path);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
