/** Goal: a call in the process looks like one over HTTP, needs no timer and no serialising. Method: a generated client on a manual clock. */
import { expect, test } from "bun:test";
import { create, type MessageShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createClient,
  createContextKey,
  createContextValues,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { Timer } from "../domain/clock.ts";
import { TriplaneError } from "../domain/errors.ts";
import { ChatMgmtService, GetUserResponseSchema } from "../gen/messaging/v1/chatmgmt_pb.js";
import { fromConnectError } from "./error-edge.ts";
import { createInProcessTransport } from "./in-process-transport.ts";

interface ManualClock {
  monotonicMs(): number;
  setTimer(delayMs: number, callback: () => void): Timer;
  advance(ms: number): void;
  readonly pending: Set<{ atMs: number; callback: () => void }>;
}

function manualClock(): ManualClock {
  let now = 0;
  const pending = new Set<{ atMs: number; callback: () => void }>();
  return {
    pending,
    monotonicMs: () => now,
    setTimer(delayMs, callback) {
      const timer = { atMs: now + delayMs, callback };
      pending.add(timer);
      return { cancel: () => void pending.delete(timer) };
    },
    advance(ms) {
      now += ms;
      for (const timer of [...pending].filter(({ atMs }) => atMs <= now)) {
        pending.delete(timer);
        timer.callback();
      }
    },
  };
}

type Implementation = Partial<ServiceImpl<typeof ChatMgmtService>>;

function connect(implementation: Implementation, clock = manualClock(), seen: string[] = []) {
  const transport = createInProcessTransport({
    clock,
    register: (router) => router.service(ChatMgmtService, implementation),
    interceptors: ["outer", "inner"].map((name) => (next) => async (request) => {
      seen.push(`${name} ${request.method.name}`);
      return next(request);
    }),
  });
  return { client: createClient(ChatMgmtService, transport), transport, clock };
}

const user: MessageShape<typeof GetUserResponseSchema> = create(GetUserResponseSchema, {
  userId: "user_1",
  createdAt: "2026-01-31T10:30:00.000Z",
});

async function refusalOf(call: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw new Error(`expected a ConnectError, got ${String(error)}`);
  return error;
}

test("messages, headers and context values pass by reference, through the interceptors in order", async () => {
  const key = createContextKey("absent");
  const seen: string[] = [];
  const { client, clock } = connect(
    {
      getUser: (request, context) => {
        seen.push(
          request.userId,
          context.values.get(key),
          context.requestHeader.get("x-test") ?? "",
          context.protocolName,
        );
        context.responseHeader.set("x-answer", "yes");
        return user;
      },
    },
    manualClock(),
    seen,
  );
  let header = "";
  const answer = await client.getUser(
    { userId: "user_1" },
    {
      headers: { "x-test": "header" },
      contextValues: createContextValues().set(key, "present"),
      onHeader: (headers) => {
        header = headers.get("x-answer") ?? "";
      },
    },
  );
  expect(answer).toBe(user);
  expect(header).toBe("yes");
  expect(seen).toEqual(["outer GetUser", "inner GetUser", "user_1", "present", "header", "in-process"]);
  expect(clock.pending.size).toBe(0);
});

test("a refusal keeps its code and details", async () => {
  const { client } = connect({
    getUser: () => {
      throw new TriplaneError("RATE_LIMITED", "Too many", { details: { limit: 10 } });
    },
  });
  const error = await refusalOf(client.getUser({ userId: "user_1" }));
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(fromConnectError(error)).toMatchObject({ code: "RATE_LIMITED", details: { limit: 10 } });
});

test("a mistake in a handler is internal and hides its text", async () => {
  const { client } = connect({ getUser: () => Promise.reject(new Error("secret")) });
  const error = await refusalOf(client.getUser({ userId: "user_1" }));
  expect([error.code, error.rawMessage.includes("secret")]).toEqual([Code.Internal, false]);
});

test("a method that nobody registered, and streams, are unimplemented", async () => {
  const { client, transport } = connect({});
  expect((await refusalOf(client.getUser({ userId: "user_1" }))).code).toBe(Code.Unimplemented);
  const stream = transport.stream(undefined as never, undefined, undefined, undefined, undefined as never);
  expect((await refusalOf(stream)).code).toBe(Code.Unimplemented);
});

test("at the deadline the caller is answered and the handler told", async () => {
  const signals: AbortSignal[] = [];
  const remaining: (number | undefined)[] = [];
  const { client, clock } = connect({
    getUser: (_, context) => {
      signals.push(context.signal);
      remaining.push(context.timeoutMs());
      return new Promise(() => undefined);
    },
  });
  const call = refusalOf(client.getUser({ userId: "user_1" }, { timeoutMs: 500 }));
  await Promise.resolve();
  clock.advance(499);
  expect(signals.map((signal) => signal.aborted)).toEqual([false]);
  clock.advance(1);
  expect((await call).code).toBe(Code.DeadlineExceeded);
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
  expect([remaining, clock.pending.size]).toEqual([[500], 0]);
});

test("a caller that gives up is answered at once and the handler told", async () => {
  const controller = new AbortController();
  const signals: AbortSignal[] = [];
  const { client } = connect({
    getUser: (_, context) => {
      signals.push(context.signal);
      return new Promise(() => undefined);
    },
  });
  const call = refusalOf(client.getUser({ userId: "user_1" }, { signal: controller.signal }));
  await Promise.resolve();
  controller.abort();
  expect((await call).code).toBe(Code.Canceled);
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
});

test.each([
  ["a deadline in the past", { timeoutMs: 0 }, Code.DeadlineExceeded],
  ["an aborted signal", { signal: AbortSignal.abort() }, Code.Canceled],
])("%s never reaches the handler", async (_, options, code) => {
  const { client } = connect({
    getUser: () => {
      throw new Error("called");
    },
  });
  expect((await refusalOf(client.getUser({ userId: "user_1" }, options))).code).toBe(code);
});

test("an answer in time leaves no timer behind", async () => {
  const { client, clock } = connect({ getUser: () => user });
  await client.getUser({ userId: "user_1" }, { timeoutMs: 500 });
  expect(clock.pending.size).toBe(0);
});
