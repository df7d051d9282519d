/** For tests of the edges: a service whose every method answers its example, behind a real guard with simple doubles. */
import { type DescMethodUnary, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl, Transport } from "@connectrpc/connect";
import { createFetchClient } from "@connectrpc/connect/protocol";
import { createTransport } from "@connectrpc/connect/protocol-connect";
import { Hono } from "hono";
import { TriplaneError } from "../domain/errors.ts";
import { ChatMgmtService } from "../gen/messaging/v1/chatmgmt_pb.js";
import {
  type ConnectFetch,
  createConnectFetch,
  createUserGate,
  validationInterceptor,
} from "../rpc/connect-server.ts";
import { createGuard, type Guard, type GuardOptions, restLimitsDefault } from "../rpc/guard.ts";
import type { Caller } from "../rpc/request-info.ts";
import type { Bucket, BucketState, LimitDecision } from "../stores/rate-limiter.ts";
import { mountRest } from "./mount-rest.ts";
import { mountRpc } from "./mount-rpc.ts";
import { exampleMessage } from "./openapi/examples.ts";
import {
  type AnswerRecord,
  createRestEdge,
  type HttpEnv,
  type RestEdge,
  type RestEdgeOptions,
} from "./rest-edge.ts";

export const nowMs = Date.UTC(2026, 0, 31, 10, 30);
export const fixtureRequestId = "00000000-0000-4000-8000-000000000001";

export interface RecordedCall {
  readonly method: string;
  readonly message: Message;
  readonly context: HandlerContext;
}

export interface EdgeFixture {
  readonly app: Hono<HttpEnv>;
  readonly edge: RestEdge;
  readonly connect: ConnectFetch;
  readonly calls: RecordedCall[];
  readonly answers: AnswerRecord[];
  readonly internalErrors: TriplaneError[];
  /** Replaces a method's answer. */
  readonly overrides: Map<string, (context: HandlerContext) => Message>;
  rest(verb: string, path: string, init?: RequestInit): Promise<Response>;
}

export function createEdgeFixture(
  edgeOptions: Partial<RestEdgeOptions> = {},
  guardOptions: Partial<GuardOptions> = {},
): EdgeFixture {
  const calls: RecordedCall[] = [];
  const answers: AnswerRecord[] = [];
  const internalErrors: TriplaneError[] = [];
  const overrides = new Map<string, (context: HandlerContext) => Message>();
  const guard = createFixtureGuard(guardOptions);
  const edge = createRestEdge({
    guard,
    ids: { uuid: () => fixtureRequestId },
    clock: { nowMs: () => nowMs, monotonicMs: () => 0 },
    trustedProxyHops: 0,
    cors: [],
    hstsMaxAgeSeconds: undefined,
    onAnswer: (record) => answers.push(record),
    onInternalError: (error) => internalErrors.push(error),
    ...edgeOptions,
  });
  const implementation = Object.fromEntries(
    ChatMgmtService.methods.map((method) => [
      method.localName,
      (message: Message, context: HandlerContext) => {
        calls.push({ method: method.name, message, context });
        const override = overrides.get(method.name);
        return override === undefined ? exampleAnswer(method as DescMethodUnary) : override(context);
      },
    ]),
  ) as Partial<ServiceImpl<typeof ChatMgmtService>>;
  const app = new Hono<HttpEnv>();
  mountRest({ app, edge, service: ChatMgmtService, implementation, bodyBytesMax: 65_536 });
  app.notFound((context) => edge.notFound(context));
  const connect = createConnectFetch({
    register: (router) => router.service(ChatMgmtService, implementation),
    interceptors: [validationInterceptor],
    gate: createUserGate({ guard, ids: { uuid: () => fixtureRequestId }, trustedProxyHops: 0 }),
    messageBytesMax: 1_048_576,
    timeoutMaxMs: 30_000,
    shutdownSignal: undefined,
    onInternalError: (error) => internalErrors.push(error),
  });
  mountRpc(app, edge, ChatMgmtService, connect);
  return {
    app,
    edge,
    connect,
    calls,
    answers,
    internalErrors,
    overrides,
    rest: async (verb, path, init) =>
      app.fetch(new Request(`http://triplane.test${path}`, { method: verb, ...init }), {
        socketAddress: "192.0.2.7",
      }),
  };
}

/** A Connect client's transport straight into the fetch function. */
export function rpcTransport(connect: ConnectFetch, useBinaryFormat: boolean): Transport {
  const fetchInto = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> =>
    (await connect(new Request(input, init), { socketAddress: "192.0.2.7" })) ??
    new Response(null, { status: 404 });
  return createTransport({
    baseUrl: "http://triplane.test",
    useBinaryFormat,
    interceptors: [],
    acceptCompression: [],
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: 1_048_576,
    writeMaxBytes: 1_048_576,
    httpClient: createFetchClient(fetchInto as typeof fetch),
  });
}

export function exampleAnswer(method: DescMethodUnary): Message {
  return fromJson(method.output, exampleMessage(method.output) as JsonValue);
}

/** Admits the tokens "valid" and, where that is allowed, "expired"; "revoked" is revoked. */
export function createFixtureGuard(options: Partial<GuardOptions> = {}): Guard {
  return createGuard({
    verifyAccessToken: fixtureVerify,
    revocation: { areRevoked: async (jtis) => jtis.map((jti) => jti === "jti-revoked") },
    limiter: createCountingLimiter(),
    limits: restLimitsDefault,
    clock: { nowMs: () => nowMs },
    rateLimitsEnabled: true,
    warn: () => undefined,
    ...options,
  });
}

async function fixtureVerify(token: string, { allowExpired }: { allowExpired: boolean }): Promise<Caller> {
  const refuse = (reason: string): never => {
    throw new TriplaneError("UNAUTHORIZED", "The access token is not valid", { details: { reason } });
  };
  if (token === "expired" && !allowExpired) return refuse("token_expired");
  if (!["valid", "expired", "revoked"].includes(token)) return refuse("token_invalid");
  return {
    userId: "user_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    sessionId: "sess_01HQX7Z9Y8K4M3N2P1Q0R5S6T7",
    tokenId: `jti-${token}`,
    expiresAtMs: token === "expired" ? nowMs - 1 : nowMs + 3_600_000,
    expired: token === "expired",
  };
}

/** Fixed windows that never end. */
export function createCountingLimiter(): {
  take(buckets: readonly Bucket[], cost: number): Promise<LimitDecision>;
} {
  const taken = new Map<string, number>();
  return {
    async take(buckets, cost) {
      const [bucket] = buckets;
      if (bucket?.kind !== "fixed_window") throw new Error("the guard takes one fixed window");
      const used = taken.get(bucket.key) ?? 0;
      const allowed = used + cost <= bucket.limit;
      if (allowed) taken.set(bucket.key, used + cost);
      const state: BucketState = {
        key: bucket.key,
        limit: bucket.limit,
        remaining: bucket.limit - (allowed ? used + cost : used),
        resetAtMs: nowMs + 30_000,
      };
      return allowed
        ? { allowed, states: [state] }
        : { allowed, states: [state], refusedBy: state, retryAfterMs: 29_500 };
    },
  };
}

/** Headers of a complete request. */
export function userHeaders(token = "valid"): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "x-device-id": "550e8400-e29b-41d4-a716-446655440000",
  };
}
