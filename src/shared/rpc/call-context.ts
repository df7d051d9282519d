/** A handler's context without timers of its own: for calls that do not come through Connect's HTTP handlers. */
import type { DescMethod } from "@bufbuild/protobuf";
import type { ContextValues, HandlerContext } from "@connectrpc/connect";

export interface CallContextInit {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestMethod: string;
  readonly url: string;
  readonly requestHeader: Headers;
  readonly signal: AbortSignal;
  readonly values: ContextValues;
  readonly timeoutMs: () => number | undefined;
}

export function createCallContext(init: CallContextInit): HandlerContext {
  return {
    ...init,
    service: init.method.parent,
    responseHeader: new Headers(),
    responseTrailer: new Headers(),
  };
}
