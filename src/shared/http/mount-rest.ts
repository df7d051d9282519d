/**
 * REST from the proto files: every `google.api.http` route of a service is mounted on Hono and calls the handler
 * that RPC calls. Order of checks: token, rate limit, headers and body, handler.
 */
import { create, type DescMethod, type DescService, type Message } from "@bufbuild/protobuf";
import {
  createContextValues,
  createServiceImplSpec,
  type MethodImplSpec,
  type ServiceImpl,
} from "@connectrpc/connect";
import type { Hono } from "hono";
import { createCallContext } from "../rpc/call-context.ts";
import { headerErrors, requestInfoOf } from "../rpc/call-headers.ts";
import { normalizeError } from "../rpc/error-edge.ts";
import type { RateStatus } from "../rpc/guard.ts";
import { type Caller, idempotentReplayHeader, requestInfoKey } from "../rpc/request-info.ts";
import { readJsonBody } from "./read-json-body.ts";
import { decodeRequest } from "./rest-decode.ts";
import type { Answer, Exchange, HttpEnv, MethodTable, RestEdge } from "./rest-edge.ts";
import { encodeAnswer } from "./rest-encode.ts";
import { bySpecificity, type RestRoute, restRoutes } from "./rest-routes.ts";

export interface MountRestOptions<S extends DescService> {
  readonly app: Hono<HttpEnv>;
  readonly edge: RestEdge;
  readonly service: S;
  readonly implementation: Partial<ServiceImpl<S>>;
  readonly bodyBytesMax: number;
}

type UnarySpec = Extract<MethodImplSpec, { kind: "unary" }>;

/** Mounts all routes; a path that ends in "/" answers without it as well. @throws {Error} a method without a route */
export function mountRest<S extends DescService>(options: MountRestOptions<S>): void {
  const specs = createServiceImplSpec(options.service, options.implementation).methods;
  const tables = new Map<string, { path: string; methods: Record<string, MethodTable["GET"]> }>();
  for (const route of bySpecificity(restRoutes(options.service))) {
    const spec = specs[route.method.localName];
    if (spec?.kind !== "unary") throw new Error(`${route.method.name} is not unary`);
    const table = tables.get(route.template) ?? { path: route.path, methods: {} };
    table.methods[route.verb] = (exchange) => answerCall(options, route, spec, exchange);
    tables.set(route.template, table);
  }
  for (const [template, { path, methods }] of tables) {
    options.edge.resource(options.app, path, template, methods as MethodTable);
    if (path.endsWith("/"))
      options.edge.resource(options.app, path.slice(0, -1), template, methods as MethodTable);
  }
}

async function answerCall<S extends DescService>(
  options: MountRestOptions<S>,
  route: RestRoute,
  spec: UnarySpec,
  exchange: Exchange,
): Promise<Answer> {
  const verdict = await options.edge.guard.admit(route.method, exchange.request.headers, exchange.ip);
  exchange.userId = verdict.caller?.userId;
  if (!verdict.admitted) return options.edge.refusal(exchange, verdict.error, verdict.rate);
  try {
    return await call(options, route, spec, exchange, verdict.caller, verdict.rate);
  } catch (thrown) {
    return options.edge.refusal(exchange, normalizeError(thrown), verdict.rate);
  }
}

async function call<S extends DescService>(
  options: MountRestOptions<S>,
  route: RestRoute,
  spec: UnarySpec,
  exchange: Exchange,
  caller: Caller | undefined,
  rate: RateStatus,
): Promise<Answer> {
  const { request } = exchange;
  const body = route.hasBody ? await readJsonBody(request, options.bodyBytesMax) : undefined;
  const message = decodeRequest(route, {
    path: exchange.path,
    query: new URL(request.url).searchParams,
    body,
    headerErrors: headerErrors(route.rule, request.headers),
  });
  const info = requestInfoOf(route.rule, request.headers, {
    requestId: exchange.requestId,
    ip: exchange.ip,
    caller,
  });
  const context = createCallContext({
    method: route.method as DescMethod,
    protocolName: "rest",
    requestMethod: request.method,
    url: request.url,
    requestHeader: request.headers,
    signal: request.signal,
    values: createContextValues().set(requestInfoKey, info),
    timeoutMs: () => undefined,
  });
  const answer: Message = create(route.method.output, await spec.impl(message, context));
  const replayed =
    route.rule.replaySuccess > 0 && context.responseHeader.get(idempotentReplayHeader) === "true";
  const json = encodeAnswer(route.rule.envelope, route.method.output, answer);
  return {
    status: successStatus(route, answer, replayed),
    body: json === undefined ? undefined : { json },
    headers: replayed ? { [idempotentReplayHeader]: "true" } : {},
    rate,
  };
}

function successStatus(route: RestRoute, answer: Message, replayed: boolean): number {
  const { rule } = route;
  if (replayed) return rule.replaySuccess;
  if (rule.successFlag === "") return rule.success;
  const flag = route.method.output.fields.find((field) => field.name === rule.successFlag);
  if (flag === undefined) throw new Error(`${route.method.name} answers no field ${rule.successFlag}`);
  const raised = (answer as unknown as Record<string, unknown>)[flag.localName] === true;
  return raised ? rule.success : rule.successUnlessFlag;
}
