/** One REST call over the injected fetch: JSON both ways, time limit, careful retries, errors as RestError. */
import { protocolLimits } from "../protocol/protocol-limits.ts";
import { backoffMs } from "./backoff.ts";
import { RestError } from "./client-errors.ts";
import type { Clock, HttpFetch, HttpResponse, Random } from "./ports.ts";
import { pause, withTimeLimit } from "./time-limit.ts";

export interface HttpCall {
  readonly method: string;
  /** Below `/api/v1`, with its query. */
  readonly path: string;
  /** Sent as JSON; undefined = no body. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** May it be sent again when its outcome is unknown? */
  readonly repeatable: boolean;
}

export interface HttpResult {
  readonly status: number;
  /** Parsed JSON, undefined where the answer has no body. */
  readonly body: unknown;
}

/** @throws {RestError} */
export type Http = (call: HttpCall, signal: AbortSignal | undefined) => Promise<HttpResult>;

const attemptsMax = 4;
/** A server that asks for a longer pause is not waited for: the caller decides. */
const retryAfterMaxMs = 30_000;

export function createHttp(parts: {
  readonly baseUrl: string;
  readonly fetch: HttpFetch;
  readonly clock: Clock;
  readonly random: Random;
}): Http {
  return async (call, signal) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await exchange(parts, call, signal);
      } catch (error) {
        if (!(error instanceof RestError) || signal?.aborted) throw error;
        const waitMs = retryDelayMs(error, call, attempt, parts.random);
        if (waitMs === undefined || attempt + 1 >= attemptsMax) throw error;
        await pause(parts.clock, waitMs, signal);
      }
    }
  };
}

/** undefined = do not retry. */
function retryDelayMs(error: RestError, call: HttpCall, attempt: number, random: Random): number | undefined {
  if (!call.repeatable) return undefined;
  // The same key still runs: its outcome will be there soon.
  const stillRunning = error.status === 409 && error.code === "CONFLICT" && attempt > 0;
  if (error.status !== 0 && error.status !== 429 && error.status < 500 && !stillRunning) return undefined;
  const retryAfterMs = error.retryAfterMs ?? 0;
  return retryAfterMs > retryAfterMaxMs ? undefined : retryAfterMs + backoffMs(random, attempt);
}

async function exchange(
  parts: { readonly baseUrl: string; readonly fetch: HttpFetch; readonly clock: Clock },
  call: HttpCall,
  signal: AbortSignal | undefined,
): Promise<HttpResult> {
  const headers: Record<string, string> = { ...call.headers, Accept: "application/json" };
  if (call.body !== undefined) headers["Content-Type"] = "application/json";
  let response: HttpResponse;
  let text: string;
  try {
    [response, text] = await withTimeLimit(
      parts.clock,
      protocolLimits.answerTimeoutMs,
      signal,
      async (limited) => {
        const answer = await parts.fetch(`${parts.baseUrl}/api/v1${call.path}`, {
          method: call.method,
          headers,
          body: call.body === undefined ? null : JSON.stringify(call.body),
          signal: limited,
        });
        return [answer, await answer.text()] as const;
      },
    );
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new RestError({
      status: 0,
      code: "NETWORK_ERROR",
      message: cause instanceof Error ? cause.message : "no answer",
      details: {},
      requestId: undefined,
      retryAfterMs: undefined,
      cause,
    });
  }
  return readResponse(response, text);
}

function readResponse(response: HttpResponse, text: string): HttpResult {
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.status >= 200 && response.status < 300) {
    if (text !== "" && body === undefined) throw invalidResponse(response, "the body is not JSON");
    return { status: response.status, body };
  }
  const error = (body as { readonly error?: unknown } | undefined)?.error;
  if (typeof error !== "object" || error === null) {
    throw invalidResponse(response, `status ${response.status} without an error body`);
  }
  const { code, message, details, request_id } = error as Readonly<Record<string, unknown>>;
  throw new RestError({
    status: response.status,
    code: typeof code === "string" ? code : "INVALID_RESPONSE",
    message: typeof message === "string" ? message : "",
    details: typeof details === "object" && details !== null ? (details as Record<string, unknown>) : {},
    requestId: typeof request_id === "string" ? request_id : undefined,
    retryAfterMs: retryAfterMs(response),
    cause: undefined,
  });
}

function retryAfterMs(response: HttpResponse): number | undefined {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}

function invalidResponse(response: HttpResponse, message: string): RestError {
  return new RestError({
    status: response.status,
    code: "INVALID_RESPONSE",
    message,
    details: {},
    requestId: response.headers.get("X-Request-ID") ?? undefined,
    retryAfterMs: retryAfterMs(response),
    cause: undefined,
  });
}
