/** Goal: the frame of every answer is complete, whatever was asked. Method: requests that never reach a handler, and some that do. */
import { expect, test } from "bun:test";
import { createEdgeFixture, fixtureRequestId, nowMs, userHeaders } from "./edge-fixture.ts";

const me = "/api/v1/users/me";

async function errorCode(response: Response): Promise<string> {
  const body = (await response.json()) as { error: { code: string; request_id: string } };
  expect(body.error.request_id).toBe(response.headers.get("x-request-id") ?? "no request id");
  return body.error.code;
}

test("every answer carries request id, rate headers and security headers", async () => {
  const fixture = createEdgeFixture();
  const answers = [
    await fixture.rest("GET", me, { headers: userHeaders() }),
    await fixture.rest("GET", me),
    await fixture.rest("PUT", me),
    await fixture.rest("OPTIONS", me),
    await fixture.rest("GET", "/api/v1/nothing"),
    await fixture.rest("POST", "/api/v1/chats", { headers: userHeaders(), body: "{" }),
    await fixture.rest("POST", "/api/v1/auth/logout", { headers: userHeaders() }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([200, 401, 405, 204, 404, 400, 204]);
  for (const { headers } of answers) {
    expect(headers.get("x-request-id")).toBe(fixtureRequestId);
    expect(headers.get("x-ratelimit-limit")).toMatch(/^[1-9][0-9]*$/);
    expect(headers.get("x-ratelimit-remaining")).toMatch(/^[0-9]+$/);
    expect(Number(headers.get("x-ratelimit-reset"))).toBeGreaterThan(nowMs / 1000);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("retry-after")).toBeNull();
    expect(headers.get("strict-transport-security")).toBeNull();
    expect(headers.get("access-control-allow-origin")).toBeNull();
  }
  expect(fixture.answers.map(({ verb, route, status }) => `${verb} ${route} ${status}`)).toEqual([
    "GET /api/v1/users/me 200",
    "GET /api/v1/users/me 401",
    "PUT /api/v1/users/me 405",
    "OPTIONS /api/v1/users/me 204",
    "GET unknown 404",
    "POST /api/v1/chats 400",
    "POST /api/v1/auth/logout 204",
  ]);
});

test.each([
  ["00000000-0000-0000-0000-00000000000A", "00000000-0000-0000-0000-00000000000A"],
  ["not a uuid", fixtureRequestId],
  ["", fixtureRequestId],
])("the request id %p is answered with %s", async (given, expected) => {
  const response = await createEdgeFixture().rest("GET", "/api/v1/", { headers: { "x-request-id": given } });
  expect(response.headers.get("x-request-id")).toBe(expected);
});

test("HEAD answers like GET without a body", async () => {
  const fixture = createEdgeFixture();
  const head = await fixture.rest("HEAD", me, { headers: userHeaders() });
  expect([head.status, await head.text(), head.headers.get("content-type")]).toEqual([
    200,
    "",
    "application/json",
  ]);
  expect(fixture.calls.map((call) => call.method)).toEqual(["GetMe"]);
  expect((await fixture.rest("HEAD", me)).status).toBe(401);
});

test.each([
  ["/api/v1/users/me", "PUT", "GET, HEAD, PATCH, DELETE, OPTIONS"],
  ["/api/v1/users/lookup", "GET", "POST, OPTIONS"],
  ["/api/v1/users/lookup", "HEAD", "POST, OPTIONS"],
  ["/api/v1/chats", "DELETE", "GET, HEAD, POST, OPTIONS"],
  ["/api/v1/chats/chat_1/members/user_1", "GET", "PATCH, DELETE, OPTIONS"],
  ["/api/v1/", "POST", "GET, HEAD, OPTIONS"],
])("%s refuses %s with Allow: %s", async (path, verb, allow) => {
  const fixture = createEdgeFixture();
  const refused = await fixture.rest(verb, path, { headers: userHeaders() });
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, allow]);
  if (verb !== "HEAD") expect(await errorCode(refused)).toBe("NOT_FOUND");
  const asked = await fixture.rest("OPTIONS", path);
  expect([asked.status, asked.headers.get("allow"), await asked.text()]).toEqual([204, allow, ""]);
  expect(fixture.calls).toEqual([]);
});

test.each(["/", "/api", "/api/v1/chats/", "/api/v1/chats/chat_1/nothing", "/api/v2/chats", "/API/v1/chats"])(
  "%s is unknown",
  async (path) => {
    const response = await createEdgeFixture().rest("GET", path, { headers: userHeaders() });
    expect([response.status, await errorCode(response)]).toEqual([404, "NOT_FOUND"]);
  },
);

test("the description answers with and without the last slash", async () => {
  const fixture = createEdgeFixture();
  const [with_, without] = await Promise.all([
    fixture.rest("GET", "/api/v1/"),
    fixture.rest("GET", "/api/v1"),
  ]);
  expect([with_.status, without.status]).toEqual([200, 200]);
  expect(await with_.json()).toEqual(await without.json());
});

test.each([
  ["malformed JSON", "{", "application/json"],
  ["an array", "[]", "application/json"],
  ["a string", '"x"', "application/json"],
  ["null", "null", "application/json"],
  ["invalid UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "application/json"],
  ["deep nesting", `{"a":${"[".repeat(60_000)}`, "application/json"],
  ["another type", "{}", "text/plain"],
  ["a form", "a=b", "application/x-www-form-urlencoded"],
  ["another charset", "{}", "application/json; charset=iso-8859-1"],
])("a body that is %s is a bad request", async (_, body, type) => {
  const response = await createEdgeFixture().rest("PATCH", me, {
    headers: { ...userHeaders(), "content-type": type },
    body,
  });
  expect([response.status, await errorCode(response)]).toEqual([400, "BAD_REQUEST"]);
});

test("a body without a type is a bad request", async () => {
  const { "content-type": _type, ...headers } = userHeaders();
  const body = new Blob(["{}"]);
  const response = await createEdgeFixture().rest("PATCH", me, { headers, body });
  expect([response.status, await errorCode(response)]).toEqual([400, "BAD_REQUEST"]);
});

test.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
  "%s is accepted",
  async (type) => {
    const response = await createEdgeFixture().rest("PATCH", me, {
      headers: { ...userHeaders(), "content-type": type },
      body: '{"display_name":"Zoë"}',
    });
    expect(response.status).toBe(200);
  },
);

test.each([
  ["announced", (text: string): BodyInit => text, true],
  ["streamed", (text: string): BodyInit => new Blob([text]).stream(), false],
])("a body above the limit is refused when it is %s", async (_, bodyOf, announce) => {
  const send = async (length: number): Promise<Response> => {
    const text = `{"a":"${"x".repeat(length - 8)}"}`;
    const headers = { ...userHeaders(), ...(announce ? { "content-length": `${length}` } : {}) };
    return createEdgeFixture().rest("PATCH", me, { headers, body: bodyOf(text) });
  };
  expect((await send(65_536)).status).toBe(200);
  const refused = await send(65_537);
  expect(refused.status).toBe(413);
  expect(refused.headers.get("retry-after")).toBeNull();
  const { error } = (await refused.json()) as { error: { code: string; details: Record<string, number> } };
  expect(error).toMatchObject({
    code: "PAYLOAD_TOO_LARGE",
    details: { max_bytes: 65_536, received_bytes: 65_537 },
  });
});

test("the token is checked before the body, the rate limit before the body", async () => {
  const limits = {
    readPerMinute: 1,
    writePerMinute: 1,
    statusPerMinute: 1,
    publicPerMinute: 5,
    refreshPerMinute: 1,
  };
  const fixture = createEdgeFixture({}, { limits });
  const init = (token: string): RequestInit => ({ headers: userHeaders(token), body: "{" });
  expect((await fixture.rest("POST", "/api/v1/chats", init("forged"))).status).toBe(401);
  expect((await fixture.rest("POST", "/api/v1/chats", init("valid"))).status).toBe(400);
  const limited = await fixture.rest("POST", "/api/v1/chats", init("valid"));
  expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "30"]);
  expect(limited.headers.get("x-ratelimit-remaining")).toBe("0");
  expect(await limited.json()).toMatchObject({
    error: { code: "RATE_LIMITED", details: { limit: 1, window_seconds: 60, retry_after_seconds: 30 } },
  });
});

test("unknown paths count in the bucket of the address", async () => {
  const limits = {
    readPerMinute: 1,
    writePerMinute: 1,
    statusPerMinute: 1,
    publicPerMinute: 2,
    refreshPerMinute: 1,
  };
  const fixture = createEdgeFixture({}, { limits });
  const ask = async (): Promise<number> => (await fixture.rest("GET", "/nothing")).status;
  expect([await ask(), await ask(), await ask()]).toEqual([404, 404, 429]);
});

test("origins that are configured may call, and only they", async () => {
  const fixture = createEdgeFixture({ cors: ["https://app.example"] });
  const ask = (origin: string, verb = "GET"): Promise<Response> =>
    fixture.rest(verb, "/api/v1/", { headers: { origin, "access-control-request-method": "PATCH" } });
  const allowed = await ask("https://app.example");
  expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(allowed.headers.get("access-control-expose-headers")).toContain("x-ratelimit-reset");
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
  expect(allowed.headers.get("vary")).toBe("origin");
  expect((await ask("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
  const preflight = await ask("https://app.example", "OPTIONS");
  expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD, OPTIONS");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("idempotency-key");
  const foreign = await ask("https://evil.example", "OPTIONS");
  expect(foreign.headers.get("access-control-allow-methods")).toBeNull();
});

test("a star lets every origin in, without credentials", async () => {
  const fixture = createEdgeFixture({ cors: "*" });
  const response = await fixture.rest("GET", "/api/v1/", { headers: { origin: "null" } });
  expect(response.headers.get("access-control-allow-origin")).toBe("*");
  expect(response.headers.get("access-control-allow-credentials")).toBeNull();
});

test("HSTS is sent where it is configured", async () => {
  const response = await createEdgeFixture({ hstsMaxAgeSeconds: 31_536_000 }).rest("GET", "/api/v1/");
  expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000; includeSubDomains");
});
