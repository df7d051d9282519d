/**
 * The frame around every HTTP answer: request id, rate headers, security headers, CORS, the error envelope, and a
 * method table per path, so that HEAD, OPTIONS and wrong methods are answered alike everywhere.
 */
import type { Context, Hono } from "hono";
import type { Clock } from "../domain/clock.ts";
import { type ErrorCode, TriplaneError } from "../domain/errors.ts";
import type { Ids } from "../domain/ids.ts";
import { requestIdOf } from "../rpc/call-headers.ts";
import { normalizeError } from "../rpc/error-edge.ts";
import type { Guard, RateStatus } from "../rpc/guard.ts";
import { clientIp } from "./client-ip.ts";
import { type CorsPolicy, setCorsHeaders, setPreflightHeaders } from "./cors.ts";
import { errorEnvelope, httpErrors, retryAfterSeconds } from "./error-edge.ts";
import { setSecurityHeaders } from "./security-headers.ts";

/** The composition root calls `app.fetch(request, { socketAddress })`. */
export interface HttpEnv {
  Bindings: { readonly socketAddress: string };
}

/** One answered request, for the access log and metrics. */
export interface AnswerRecord {
  readonly requestId: string;
  readonly verb: string;
  /** The path as a template ("/api/v1/chats/{chat_id}"), or "unknown": never a path with ids. */
  readonly route: string;
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly durationMs: number;
  readonly userId: string | undefined;
  readonly ip: string;
}

export interface RestEdgeOptions {
  readonly guard: Guard;
  readonly ids: Pick<Ids, "uuid">;
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  /** `TRUSTED_PROXY_HOPS`; 0 = the socket's address. */
  readonly trustedProxyHops: number;
  readonly cors: CorsPolicy;
  readonly hstsMaxAgeSeconds: number | undefined;
  readonly onAnswer: (record: AnswerRecord) => void;
  /** An INTERNAL_ERROR with its cause: the answer says nothing about it. */
  readonly onInternalError: (error: TriplaneError, requestId: string, route: string) => void;
}

/** One request while it is being answered. */
export interface Exchange {
  readonly request: Request;
  readonly path: Readonly<Record<string, string>>;
  readonly route: string;
  readonly requestId: string;
  readonly ip: string;
  readonly startedMs: number;
  userId: string | undefined;
}

export interface Answer {
  readonly status: number;
  /** JSON value, ready text with its own content type, or undefined for no body. */
  readonly body: { readonly json: unknown } | { readonly text: string | Uint8Array } | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly rate: RateStatus;
}

export type ExchangeHandler = (exchange: Exchange) => Promise<Answer>;
/** Handlers by verb. GET answers HEAD as well; OPTIONS and the rest are answered by the edge. */
export type MethodTable = Readonly<
  Partial<Record<"GET" | "POST" | "PUT" | "PATCH" | "DELETE", ExchangeHandler>>
>;

export interface RestEdge {
  readonly guard: Guard;
  /** Mounts one path (Hono syntax) with all its methods. `template` names the route in records. */
  resource(app: Hono<HttpEnv>, path: string, template: string, methods: MethodTable): void;
  /** A refusal as an answer; RATE_LIMITED shows its own, tighter bucket. */
  refusal(exchange: Exchange, error: TriplaneError, rate: RateStatus): Answer;
  /** A handler for documents and health: counted in the public bucket of the address. */
  publicHandler(serve: () => Promise<Omit<Answer, "rate">>): ExchangeHandler;
  /**
   * Mounts a prefix whose answers are made elsewhere (RPC). They get the common headers, and a preflight is answered;
   * undefined means an unknown path. Their codes are read from `x-error-code`.
   */
  foreign(
    app: Hono<HttpEnv>,
    path: string,
    template: string,
    answer: (request: Request, socketAddress: string) => Promise<Response | undefined>,
  ): void;
  /** For `app.notFound`. */
  notFound(context: Context<HttpEnv>): Promise<Response>;
}

export function createRestEdge(options: RestEdgeOptions): RestEdge {
  const { guard, clock } = options;

  function begin(context: Context<HttpEnv>, route: string): Exchange {
    const request = context.req.raw;
    return {
      request,
      path: context.req.param(),
      route,
      requestId: requestIdOf(request.headers, options.ids),
      ip: clientIp(context.env.socketAddress, request.headers, options.trustedProxyHops),
      startedMs: clock.monotonicMs(),
      userId: undefined,
    };
  }

  function resource(app: Hono<HttpEnv>, path: string, template: string, methods: MethodTable): void {
    const allow = allowHeader(methods);
    app.all(path, async (context) => {
      const exchange = begin(context, template);
      const verb = context.req.method === "HEAD" ? "GET" : context.req.method;
      if (verb === "OPTIONS") return finish(exchange, await options204(exchange, allow), undefined);
      const handler = methods[verb as keyof MethodTable];
      if (handler === undefined) {
        const error = new TriplaneError("METHOD_NOT_ALLOWED", `${context.req.method} is not possible here`);
        return finish(exchange, await publicRefusal(exchange, error, { allow }), error);
      }
      try {
        const answer = await handler(exchange);
        return finish(exchange, answer, undefined);
      } catch (thrown) {
        const error = normalizeError(thrown);
        return finish(exchange, await publicRefusal(exchange, error, {}), error);
      }
    });
  }

  function foreign(
    app: Hono<HttpEnv>,
    path: string,
    template: string,
    answer: (request: Request, socketAddress: string) => Promise<Response | undefined>,
  ): void {
    const allow = "POST, OPTIONS";
    app.all(path, async (context) => {
      const exchange = begin(context, template);
      if (context.req.method === "OPTIONS")
        return finish(exchange, await options204(exchange, allow), undefined);
      const response = await answer(exchange.request, context.env.socketAddress);
      if (response === undefined) return notFound(context);
      setCommonHeaders(response.headers, exchange.request);
      record(
        exchange,
        response.status,
        (response.headers.get("x-error-code") ?? undefined) as ErrorCode | undefined,
      );
      return response;
    });
  }

  async function notFound(context: Context<HttpEnv>): Promise<Response> {
    const exchange = begin(context, "unknown");
    const error = new TriplaneError("NOT_FOUND", "There is nothing here");
    return finish(exchange, await publicRefusal(exchange, error, {}), error);
  }

  async function options204(exchange: Exchange, allow: string): Promise<Answer> {
    const verdict = await guard.admitPublic(exchange.ip);
    if (!verdict.admitted) return refusal(exchange, verdict.error, verdict.rate);
    const headers = new Headers({ allow });
    setPreflightHeaders(headers, options.cors, exchange.request, allow);
    return { status: 204, body: undefined, headers: Object.fromEntries(headers), rate: verdict.rate };
  }

  async function publicRefusal(
    exchange: Exchange,
    error: TriplaneError,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const verdict = await guard.admitPublic(exchange.ip);
    if (!verdict.admitted) return refusal(exchange, verdict.error, verdict.rate);
    const answer = refusal(exchange, error, verdict.rate);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  }

  function refusal(exchange: Exchange, error: TriplaneError, rate: RateStatus): Answer {
    if (error.code === "INTERNAL_ERROR") options.onInternalError(error, exchange.requestId, exchange.route);
    const retryAfter = retryAfterSeconds(error);
    return {
      status: httpErrors[error.code].status,
      body: { json: errorEnvelope(error, exchange.requestId) },
      headers: refusalHeaders(error, retryAfter),
      rate: retryAfter === undefined ? rate : tightest(rate, error, retryAfter),
    };
  }

  /** A handler's own bucket (codes, look-ups) that refused is tighter than the one the guard took from. */
  function tightest(rate: RateStatus, error: TriplaneError, retryAfter: number): RateStatus {
    const limit = error.details?.["limit"];
    if (rate.remaining === 0 || typeof limit !== "number") return rate;
    return { limit, remaining: 0, reset: Math.ceil(clock.nowMs() / 1000) + retryAfter };
  }

  function finish(exchange: Exchange, answer: Answer, error: TriplaneError | undefined): Response {
    const headers = new Headers(answer.headers);
    headers.set("x-request-id", exchange.requestId);
    headers.set("x-ratelimit-limit", `${answer.rate.limit}`);
    headers.set("x-ratelimit-remaining", `${answer.rate.remaining}`);
    headers.set("x-ratelimit-reset", `${answer.rate.reset}`);
    setCommonHeaders(headers, exchange.request);
    record(exchange, answer.status, error === undefined ? codeOf(answer) : httpErrors[error.code].code);
    let body: string | Uint8Array | null = null;
    if (answer.body !== undefined && "json" in answer.body) {
      headers.set("content-type", "application/json");
      body = JSON.stringify(answer.body.json);
    } else if (answer.body !== undefined) {
      body = answer.body.text;
    }
    const shown = exchange.request.method === "HEAD" ? null : (body as BodyInit | null);
    return new Response(shown, { status: answer.status, headers });
  }

  function setCommonHeaders(headers: Headers, request: Request): void {
    setSecurityHeaders(headers, options.hstsMaxAgeSeconds);
    setCorsHeaders(headers, options.cors, request);
  }

  function record(exchange: Exchange, status: number, code: ErrorCode | undefined): void {
    options.onAnswer({
      requestId: exchange.requestId,
      verb: exchange.request.method,
      route: exchange.route,
      status,
      code,
      durationMs: clock.monotonicMs() - exchange.startedMs,
      userId: exchange.userId,
      ip: exchange.ip,
    });
  }

  function codeOf(answer: Answer): ErrorCode | undefined {
    if (answer.status < 400 || answer.body === undefined || !("json" in answer.body)) return undefined;
    return (answer.body.json as { error?: { code: ErrorCode } }).error?.code;
  }

  return {
    guard,
    resource,
    refusal,
    publicHandler: (serve) => async (exchange) => {
      const verdict = await guard.admitPublic(exchange.ip);
      if (!verdict.admitted) return refusal(exchange, verdict.error, verdict.rate);
      return { ...(await serve()), rate: verdict.rate };
    },
    foreign,
    notFound,
  };
}

/** A 401 names its scheme (RFC 9110 section 15.5.2), and what is wrong with the token it was given (RFC 6750 section 3.1). */
function refusalHeaders(error: TriplaneError, retryAfter: number | undefined): Record<string, string> {
  if (retryAfter !== undefined) return { "retry-after": `${retryAfter}` };
  if (httpErrors[error.code].status !== 401) return {};
  const given = error.code === "UNAUTHORIZED" && error.details?.["reason"] !== "token_missing";
  return {
    "www-authenticate": given ? 'Bearer realm="triplane", error="invalid_token"' : 'Bearer realm="triplane"',
  };
}

function allowHeader(methods: MethodTable): string {
  const verbs = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].filter((verb) =>
    verb === "HEAD" ? methods.GET !== undefined : methods[verb as keyof MethodTable] !== undefined,
  );
  return [...verbs, "OPTIONS"].join(", ");
}
