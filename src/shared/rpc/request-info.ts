/** What an edge (REST or RPC) knows about a call beyond its message; handlers read it from the context. */
import { type ContextValues, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { TriplaneError } from "../domain/errors.ts";

/** The holder of a verified access token. */
export interface Caller {
  readonly userId: string;
  readonly sessionId: string;
  /** The token's `jti`. */
  readonly tokenId: string;
  readonly expiresAtMs: number;
  /** True only where an expired token is admitted: refreshing. */
  readonly expired: boolean;
}

export interface RequestInfo {
  /** Canonical UUID: the client's own, else generated. */
  readonly requestId: string;
  /** Address of the client, after trusted proxies; empty when unknown. Never a key as it is: see `http/client-ip.ts`. */
  readonly ip: string;
  readonly userAgent: string | undefined;
  /** `X-Device-ID` as sent; the handler parses and compares it. */
  readonly deviceIdHeader: string | undefined;
  /** `Idempotency-Key`, a canonical UUID in lower case; undefined where the method does not honour it. */
  readonly idempotencyKey: string | undefined;
  /** Undefined on public methods. */
  readonly caller: Caller | undefined;
  readonly traceparent: string | undefined;
}

/** Set by the edges before a handler runs; undefined on internal calls. */
export const requestInfoKey = createContextKey<RequestInfo | undefined>(undefined, {
  description: "request info",
});

/** Response header by which a handler says that it repeats an earlier result; the edges turn it into status and header. */
export const idempotentReplayHeader = "x-idempotent-replay";

/** @throws {Error} when no edge has set it: a programmer's mistake */
export function requestInfo(context: { readonly values: ContextValues }): RequestInfo {
  const info = context.values.get(requestInfoKey);
  if (info === undefined) throw new Error("request info is missing: the handler was called around its edge");
  return info;
}

/** @throws {TriplaneError} UNAUTHORIZED (token_missing) when nobody was authenticated */
export function requireCaller(context: { readonly values: ContextValues }): Caller {
  const caller = requestInfo(context).caller;
  if (caller === undefined) {
    throw new TriplaneError("UNAUTHORIZED", "Authentication is required", {
      details: { reason: "token_missing" },
    });
  }
  return caller;
}

/** Marks the answer as the repetition of an earlier one. */
export function markIdempotentReplay(context: Pick<HandlerContext, "responseHeader">): void {
  context.responseHeader.set(idempotentReplayHeader, "true");
}
