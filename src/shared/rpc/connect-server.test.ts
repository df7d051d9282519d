/** Goal: the RPC edge holds its limits and speaks its protocols. Method: raw requests against the fetch function. */
import { expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { ChatMgmtService, UpdateMeRequestSchema } from "../gen/messaging/v1/chatmgmt_pb.js";
import { createEdgeFixture, fixtureRequestId, userHeaders } from "../http/edge-fixture.ts";
import { createConnectFetch } from "./connect-server.ts";

const peer = { socketAddress: "192.0.2.7" };
const base = "http://triplane.test/messaging.v1.ChatMgmtService";

function post(method: string, headers: Record<string, string>, body: BodyInit): Request {
  return new Request(`${base}/${method}`, { method: "POST", headers, body });
}

test("paths of others are left to others", async () => {
  const { connect } = createEdgeFixture();
  expect(await connect(new Request("http://triplane.test/"), peer)).toBeUndefined();
  expect(await connect(post("NoSuchMethod", userHeaders(), "{}"), peer)).toBeUndefined();
  expect(
    await connect(new Request("http://triplane.test/messaging.v1.IngestService/PersistMessages"), peer),
  ).toBeUndefined();
});

test("an answer carries request id and rate headers", async () => {
  const response = await createEdgeFixture().connect(post("GetMe", userHeaders(), "{}"), peer);
  expect(response?.status).toBe(200);
  expect(response?.headers.get("x-request-id")).toBe(fixtureRequestId);
  expect(response?.headers.get("x-ratelimit-limit")).toBe("300");
  expect(response?.headers.get("x-ratelimit-remaining")).toBe("299");
});

test("Connect-JSON writes proto3 JSON", async () => {
  const response = await createEdgeFixture().connect(
    post("GetChat", userHeaders(), '{"chatId":"chat_1"}'),
    peer,
  );
  expect(await response?.json()).toMatchObject({ memberCount: 2, currentSequence: "47" });
});

test("gRPC-Web answers on the same route", async () => {
  const frame = new Uint8Array([0, 0, 0, 0, 0]);
  const response = await createEdgeFixture().connect(
    post("GetMe", { ...userHeaders(), "content-type": "application/grpc-web+proto" }, frame),
    peer,
  );
  expect([response?.status, response?.headers.get("content-type")]).toEqual([
    200,
    "application/grpc-web+proto",
  ]);
  expect(await response?.text()).toContain("grpc-status: 0");
});

test.each([
  ["announced", true],
  ["streamed", false],
])("a message above 1 MiB is refused when it is %s", async (_, announced) => {
  const fixture = createEdgeFixture();
  const bytes = toBinary(UpdateMeRequestSchema, {
    $typeName: "messaging.v1.UpdateMeRequest",
    displayName: "x".repeat(1_048_576),
  });
  const headers = { ...userHeaders(), "content-type": "application/proto" };
  const response = await fixture.connect(
    announced
      ? post("UpdateMe", { ...headers, "content-length": `${bytes.byteLength}` }, bytes)
      : post("UpdateMe", headers, new Blob([bytes]).stream()),
    peer,
  );
  expect(response?.status).toBe(429);
  expect(await response?.json()).toMatchObject({ code: "resource_exhausted" });
  expect(fixture.calls).toEqual([]);
});

test("the token is checked before the body is read", async () => {
  let read = false;
  const body = new ReadableStream(
    {
      pull(controller) {
        read = true;
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const response = await createEdgeFixture().connect(
    post("UpdateMe", { "content-type": "application/proto" }, body),
    peer,
  );
  expect([response?.status, read]).toEqual([401, false]);
});

test("between services there is no gate, and refusals carry the code", async () => {
  const connect = createConnectFetch({
    register: (router) => router.service(ChatMgmtService, {}),
    interceptors: [],
    gate: undefined,
    messageBytesMax: 1024,
    timeoutMaxMs: 1000,
    shutdownSignal: undefined,
    onInternalError: () => undefined,
  });
  const response = await connect(post("GetMe", { "content-type": "application/json" }, "{}"), peer);
  expect(response?.headers.get("x-error-code")).toBe("INTERNAL_ERROR");
});

test("a deadline above the maximum is refused", async () => {
  const headers = { ...userHeaders(), "connect-timeout-ms": "30001" };
  const response = await createEdgeFixture().connect(post("GetMe", headers, "{}"), peer);
  expect(response?.status).toBe(400);
});

test("a lone surrogate in JSON is refused", async () => {
  const response = await createEdgeFixture().connect(
    post("UpdateMe", userHeaders(), '{"displayName":"a\\ud800"}'),
    peer,
  );
  expect(response?.status).toBe(400);
});
