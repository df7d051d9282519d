/**
 * Goal: every method of the service answers by REST and by RPC with the same request, the same caller and the same
 * values. Method: a table over the descriptors, against handlers that record what they get and answer examples.
 */
import { expect, test } from "bun:test";
import {
  create,
  type DescMethodUnary,
  fromJson,
  type JsonValue,
  type Message,
  toJson,
} from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { TriplaneError } from "../domain/errors.ts";
import {
  ChatMgmtService,
  CreateChatResponseSchema,
  VerifyOtpResponseSchema,
} from "../gen/messaging/v1/chatmgmt_pb.js";
import { Access, Envelope } from "../gen/messaging/v1/rest_pb.js";
import { fromConnectError } from "../rpc/error-edge.ts";
import { idempotentReplayHeader, markIdempotentReplay, requestInfo } from "../rpc/request-info.ts";
import {
  createEdgeFixture,
  exampleAnswer,
  fixtureRequestId,
  rpcTransport,
  userHeaders,
} from "./edge-fixture.ts";
import { exampleFields, exampleMessage } from "./openapi/examples.ts";
import { type RestRoute, restRoutes } from "./rest-routes.ts";

const routes = restRoutes(ChatMgmtService);
const byName = (name: string): RestRoute => {
  const route = routes.find((candidate) => candidate.method.name === name);
  if (route === undefined) throw new Error(`no route of ${name}`);
  return route;
};

function exampleUrl(route: RestRoute): string {
  const parameters = exampleFields(route.pathFields);
  const path = route.template.replaceAll(/\{([a-z_]+)\}/g, (_, name: string) => String(parameters[name]));
  if (route.hasBody) return path;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(exampleFields(route.otherFields)))
    query.set(name, String(value));
  return query.size === 0 ? path : `${path}?${query}`;
}

function exampleInit(route: RestRoute): RequestInit {
  return {
    headers: userHeaders(),
    ...(route.hasBody ? { body: JSON.stringify(exampleFields(route.otherFields)) } : {}),
  };
}

function expectedBody(route: RestRoute): unknown {
  const example = exampleMessage(route.method.output);
  if (route.rule.envelope === Envelope.OK) return { data: example };
  if (route.rule.envelope === Envelope.OK_LIST) return { data: Object.values(example)[0] };
  return example;
}

test("every method of the service has exactly one route", () => {
  expect(routes.map((route) => route.method.name).sort()).toEqual(
    ChatMgmtService.methods.map((method) => method.name).sort(),
  );
  expect(new Set(routes.map((route) => `${route.verb} ${route.template}`)).size).toBe(routes.length);
});

test.each(routes.map((route) => [route.method.name, route] as const))("%s by REST", async (name, route) => {
  const fixture = createEdgeFixture();
  const response = await fixture.rest(route.verb, exampleUrl(route), exampleInit(route));
  expect(response.status).toBe(route.rule.success);
  expect(response.headers.get("x-request-id")).toBe(fixtureRequestId);
  expect(Number(response.headers.get("x-ratelimit-limit"))).toBeGreaterThan(0);
  if (route.rule.envelope === Envelope.EMPTY) expect(await response.text()).toBe("");
  else expect(await response.json()).toEqual(expectedBody(route));
  const [call] = fixture.calls;
  expect(call?.method).toBe(name);
  expect(call?.message).toEqual(
    fromJson(route.method.input, exampleMessage(route.method.input) as JsonValue),
  );
});

test.each(routes.map((route) => [route.method.name, route] as const))(
  "%s by RPC gives the handler and the caller the same values as REST",
  async (_, route) => {
    const viaRest = createEdgeFixture();
    await viaRest.rest(route.verb, exampleUrl(route), exampleInit(route));
    for (const useBinaryFormat of [true, false]) {
      const viaRpc = createEdgeFixture();
      const transport = rpcTransport(viaRpc.connect, useBinaryFormat);
      const { "content-type": _type, ...headers } = userHeaders();
      const input = fromJson(route.method.input, exampleMessage(route.method.input) as JsonValue);
      const answer = await transport.unary(route.method, undefined, undefined, headers, input);
      expect(toJson(route.method.output, answer.message)).toEqual(
        toJson(route.method.output, exampleAnswer(route.method as DescMethodUnary)),
      );
      expect(answer.header.get("x-request-id")).toBe(fixtureRequestId);
      const [rpcCall] = viaRpc.calls;
      const [restCall] = viaRest.calls;
      if (rpcCall === undefined || restCall === undefined) throw new Error("a handler was not called");
      expect(rpcCall.message).toEqual(restCall.message);
      expect(requestInfo(rpcCall.context).caller).toEqual(requestInfo(restCall.context).caller);
    }
  },
);

test.each(
  routes
    .filter((route) => route.rule.access === Access.USER)
    .map((route) => [route.method.name, route] as const),
)("%s refuses requests without a token, by REST and by RPC", async (_, route) => {
  const fixture = createEdgeFixture();
  const response = await fixture.rest(route.verb, exampleUrl(route), { headers: {} });
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe('Bearer realm="triplane"');
  expect(await response.json()).toEqual({
    error: {
      code: "UNAUTHORIZED",
      message: "Authentication is required",
      details: { reason: "token_missing" },
      request_id: fixtureRequestId,
    },
  });
  const rpc = await fixture.connect(
    new Request(`http://triplane.test/messaging.v1.ChatMgmtService/${route.method.name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    }),
    { socketAddress: "192.0.2.7" },
  );
  expect(rpc?.status).toBe(401);
  expect(rpc?.headers.get("x-error-code")).toBe("UNAUTHORIZED");
  expect(fixture.calls).toEqual([]);
});

test("an expired token is admitted for refreshing only", async () => {
  const fixture = createEdgeFixture();
  const refresh = byName("RefreshToken");
  const init = { ...exampleInit(refresh), headers: userHeaders("expired") };
  expect((await fixture.rest("POST", exampleUrl(refresh), init)).status).toBe(200);
  expect(fixture.calls.map((call) => requestInfo(call.context).caller?.expired)).toEqual([true]);
  const me = await fixture.rest("GET", "/api/v1/users/me", { headers: userHeaders("expired") });
  expect(me.status).toBe(401);
  expect(me.headers.get("www-authenticate")).toBe('Bearer realm="triplane", error="invalid_token"');
});

test("a status follows the success flag", async () => {
  const fixture = createEdgeFixture();
  const verify = byName("VerifyOtp");
  const known = fromJson(VerifyOtpResponseSchema, {
    ...exampleMessage(VerifyOtpResponseSchema),
    is_new_user: false,
  } as JsonValue);
  expect((await fixture.rest("POST", exampleUrl(verify), exampleInit(verify))).status).toBe(201);
  fixture.overrides.set("VerifyOtp", () => known);
  expect((await fixture.rest("POST", exampleUrl(verify), exampleInit(verify))).status).toBe(200);
});

test("a replay answers 200 with its header", async () => {
  const fixture = createEdgeFixture();
  const chats = byName("CreateChat");
  fixture.overrides.set("CreateChat", (context) => {
    markIdempotentReplay(context);
    return exampleAnswer(chats.method);
  });
  const response = await fixture.rest("POST", "/api/v1/chats", exampleInit(chats));
  expect([response.status, response.headers.get(idempotentReplayHeader)]).toEqual([200, "true"]);
});

test("an idempotency key reaches the methods that honour it, in lower case, and no others", async () => {
  const fixture = createEdgeFixture();
  const key = "550E8400-E29B-41D4-A716-446655440000";
  const headers = { ...userHeaders(), "idempotency-key": key };
  await fixture.rest("POST", "/api/v1/chats", { ...exampleInit(byName("CreateChat")), headers });
  await fixture.rest("GET", "/api/v1/users/me", { headers });
  expect(fixture.calls.map((call) => requestInfo(call.context).idempotencyKey)).toEqual([
    key.toLowerCase(),
    undefined,
  ]);
  const bad = await fixture.rest("POST", "/api/v1/chats", {
    ...exampleInit(byName("CreateChat")),
    headers: { ...headers, "idempotency-key": "not-a-uuid" },
  });
  expect(bad.status).toBe(400);
  expect(await bad.text()).toContain('"field":"Idempotency-Key","code":"INVALID_FORMAT"');
});

test("a device header that is missing is a wrong field", async () => {
  const fixture = createEdgeFixture();
  const response = await fixture.rest("POST", "/api/v1/auth/verify-otp", {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ phone_number: "+14155551234", otp: "12345x" }),
  });
  const body = (await response.json()) as {
    error: { details: { field_errors: { field: string; code: string }[] } };
  };
  expect(body.error.details.field_errors.map(({ field, code }) => `${field} ${code}`)).toEqual([
    "X-Device-ID REQUIRED",
    "otp INVALID_FORMAT",
    "device_id REQUIRED",
  ]);
});

test("what a handler throws is answered by its code; other errors stay inside", async () => {
  const fixture = createEdgeFixture();
  fixture.overrides.set("GetMe", () => {
    throw new TriplaneError("USER_NOT_FOUND", "No such user", { details: { user_id: "user_1" } });
  });
  const refused = await fixture.rest("GET", "/api/v1/users/me", { headers: userHeaders() });
  expect([refused.status, await refused.json()]).toEqual([
    404,
    {
      error: {
        code: "USER_NOT_FOUND",
        message: "No such user",
        details: { user_id: "user_1" },
        request_id: fixtureRequestId,
      },
    },
  ]);
  fixture.overrides.set("GetMe", () => {
    throw new Error("password=hunter2 at db.internal:5432");
  });
  const broken = await fixture.rest("GET", "/api/v1/users/me", { headers: userHeaders() });
  expect(broken.status).toBe(500);
  expect(await broken.text()).not.toContain("hunter2");
  expect(fixture.internalErrors.map((error) => String(error.cause))).toEqual([
    "Error: password=hunter2 at db.internal:5432",
  ]);
  const rpc = await fixture.connect(
    new Request("http://triplane.test/messaging.v1.ChatMgmtService/GetMe", {
      method: "POST",
      headers: userHeaders(),
      body: "{}",
    }),
    { socketAddress: "192.0.2.7" },
  );
  expect([rpc?.status, rpc?.headers.get("x-error-code")]).toEqual([500, "INTERNAL_ERROR"]);
  expect(await rpc?.text()).not.toContain("hunter2");
});

test("an answer that lacks a required message is an internal error, not half an answer", async () => {
  const fixture = createEdgeFixture();
  fixture.overrides.set("VerifyOtp", () => create(VerifyOtpResponseSchema));
  fixture.overrides.set("GetChat", () => create(CreateChatResponseSchema));
  const verify = byName("VerifyOtp");
  expect((await fixture.rest("POST", exampleUrl(verify), exampleInit(verify))).status).toBe(500);
});

test("a generated client reads validation refusals with all fields", async () => {
  const fixture = createEdgeFixture();
  const transport = rpcTransport(fixture.connect, true);
  const client = createClient(ChatMgmtService, transport);
  const refusal = await client
    .createChat({ type: "triangle" }, { headers: { authorization: "Bearer valid" } })
    .then(
      () => undefined,
      (error: unknown) => fromConnectError(error as never),
    );
  expect(refusal?.code).toBe("VALIDATION_ERROR");
  const fields = refusal?.details?.["field_errors"] as { field: string; code: string }[];
  expect(fields.map(({ field, code }) => `${field} ${code}`)).toEqual([
    "type INVALID_VALUE",
    "member_ids REQUIRED",
  ]);
});

function messagesOf(calls: readonly { readonly message: Message }[]): readonly Message[] {
  return calls.map((call) => call.message);
}

test("a limit above the maximum is lowered, by REST and by RPC", async () => {
  const fixture = createEdgeFixture();
  await fixture.rest("GET", "/api/v1/chats?limit=5000", { headers: userHeaders() });
  await fixture.connect(
    new Request("http://triplane.test/messaging.v1.ChatMgmtService/ListChats", {
      method: "POST",
      headers: userHeaders(),
      body: '{"limit":5000}',
    }),
    { socketAddress: "192.0.2.7" },
  );
  expect(messagesOf(fixture.calls)).toMatchObject([{ limit: 100 }, { limit: 100 }]);
});
