/**
 * Connect services on `fetch`: Connect (binary and JSON) and gRPC-Web over HTTP/1.1. Native gRPC needs trailers
 * that a fetch response does not have, so it is off.
 */
import {
  type ConnectRouter,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import {
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
  universalServerRequestFromFetch,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import type { TriplaneError } from "../domain/errors.ts";
import type { Ids } from "../domain/ids.ts";
import { clientIp } from "../http/client-ip.ts";
import { headerErrors, requestIdOf, requestInfoOf } from "./call-headers.ts";
import { errorInterceptor, toConnectError } from "./error-edge.ts";
import { validationError } from "./field-rules.ts";
import type { Guard } from "./guard.ts";
import { requestInfoKey } from "./request-info.ts";
import { restRule } from "./rest-rule.ts";
import { validateMessage } from "./validate-message.ts";

/** Runs before the body is read; throws a ConnectError to end the call. */
export type RequestGate = (context: HandlerContext) => Promise<void>;

export interface ConnectServerOptions {
  readonly register: (router: ConnectRouter) => void;
  /** Outermost first, inside the error edge. */
  readonly interceptors: readonly Interceptor[];
  /** `createUserGate` where users call; undefined between services. */
  readonly gate: RequestGate | undefined;
  /** Of one message, read or written. */
  readonly messageBytesMax: number;
  /** A caller that asks for more time is refused with InvalidArgument. */
  readonly timeoutMaxMs: number;
  readonly shutdownSignal: AbortSignal | undefined;
  readonly onInternalError: (error: TriplaneError, method: string) => void;
}

/** @returns undefined when the path is none of ours. */
export type ConnectFetch = (
  request: Request,
  peer: { readonly socketAddress: string },
) => Promise<Response | undefined>;

const socketAddressKey = createContextKey("", { description: "socket address" });

export function createConnectFetch(options: ConnectServerOptions): ConnectFetch {
  const router = createConnectRouter({
    grpc: false,
    acceptCompression: [],
    readMaxBytes: options.messageBytesMax,
    writeMaxBytes: options.messageBytesMax,
    maxTimeoutMs: options.timeoutMaxMs,
    interceptors: [errorInterceptor(options.onInternalError), ...options.interceptors],
    ...(options.gate === undefined ? {} : { requestGate: options.gate }),
    ...(options.shutdownSignal === undefined ? {} : { shutdownSignal: options.shutdownSignal }),
  });
  options.register(router);
  const handlers = new Map<string, UniversalHandler>(
    router.handlers.map((handler) => [handler.requestPath, handler]),
  );
  return async (request, peer) => {
    const handler = handlers.get(pathOf(request.url));
    if (handler === undefined) return undefined;
    const values = createContextValues().set(socketAddressKey, peer.socketAddress);
    const answer = await handler(universalRequest(request, values, options.messageBytesMax));
    return handler.method.methodKind === "unary"
      ? unaryResponse(answer)
      : universalServerResponseToFetch(answer);
  };
}

/** A body of announced size is read at once, without a stream in between, and only when the handler asks for it. */
function universalRequest(
  request: Request,
  contextValues: ContextValues,
  bytesMax: number,
): UniversalServerRequest {
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (!(announced <= bytesMax)) return { ...universalServerRequestFromFetch(request, {}), contextValues };
  return {
    httpVersion: "1.1",
    method: request.method,
    url: request.url,
    header: request.headers,
    body: wholeBody(request),
    signal: request.signal,
    contextValues,
  };
}

async function* wholeBody(request: Request): AsyncIterable<Uint8Array> {
  yield new Uint8Array(await request.arrayBuffer());
}

/** A unary answer is one chunk, or a frame and its trailer: cheaper as bytes than as a stream. */
async function unaryResponse(answer: UniversalServerResponse): Promise<Response> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body ?? []) chunks.push(chunk);
  const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  const init: ResponseInit = { status: answer.status };
  if (answer.header !== undefined) init.headers = answer.header;
  return new Response(chunks.length === 0 ? null : (body as BodyInit), init);
}

function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}

export interface UserGateOptions {
  readonly guard: Guard;
  readonly ids: Pick<Ids, "uuid">;
  readonly trustedProxyHops: number;
}

/** Token, rate limit and headers of a call that a user makes, and the request info for its handler. */
export function createUserGate(options: UserGateOptions): RequestGate {
  return async (context) => {
    const headers = context.requestHeader;
    const requestId = requestIdOf(headers, options.ids);
    const ip = clientIp(context.values.get(socketAddressKey), headers, options.trustedProxyHops);
    const verdict = await options.guard.admit(context.method, headers, ip);
    context.responseHeader.set("x-request-id", requestId);
    context.responseHeader.set("x-ratelimit-limit", `${verdict.rate.limit}`);
    context.responseHeader.set("x-ratelimit-remaining", `${verdict.rate.remaining}`);
    context.responseHeader.set("x-ratelimit-reset", `${verdict.rate.reset}`);
    if (!verdict.admitted) throw toConnectError(verdict.error);
    const rule = restRule(context.method);
    const errors = headerErrors(rule, headers);
    if (errors.length > 0) throw toConnectError(validationError(errors));
    context.values.set(
      requestInfoKey,
      requestInfoOf(rule, headers, { requestId, ip, caller: verdict.caller }),
    );
  };
}

/** The field rules of the request message, for services that users call. */
export const validationInterceptor: Interceptor = (next) => (request) => {
  if (!request.stream) validateMessage(request.method.input, request.message);
  return next(request);
};
