/**
 * Calls between services of one process: a Connect transport that runs the handler at once, in microtasks,
 * without serialising. Messages are passed by reference and must not be changed by either side. Errors, deadlines
 * and cancellation look as they do over HTTP, so that callers need not know which transport they have.
 */
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  createServiceImplSpec,
  type Interceptor,
  type MethodImplSpec,
  type ServiceImpl,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { Clock } from "../domain/clock.ts";
import { createCallContext } from "./call-context.ts";
import { normalizeConnectError } from "./error-edge.ts";

export interface InProcessRouter {
  service<S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>): InProcessRouter;
}

export interface InProcessTransportOptions {
  readonly register: (router: InProcessRouter) => void;
  /** Deadlines run on it; a call without one sets no timer. */
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
  /** Outermost first, around every call. */
  readonly interceptors: readonly Interceptor[];
}

type Next = (request: UnaryRequest) => Promise<UnaryResponse>;

const neverAborted = new AbortController().signal;

/** Unary only: a streaming call is refused with Unimplemented, as is a method that nobody registered. */
export function createInProcessTransport(options: InProcessTransportOptions): Transport {
  const specs = new Map<DescMethod, MethodImplSpec>();
  const router: InProcessRouter = {
    service(service, implementation) {
      for (const spec of Object.values(createServiceImplSpec(service, implementation).methods)) {
        specs.set(spec.method, spec);
      }
      return router;
    },
  };
  options.register(router);

  async function invoke(request: UnaryRequest, timeoutMs: () => number | undefined): Promise<UnaryResponse> {
    const spec = specs.get(request.method);
    if (spec?.kind !== "unary") {
      throw new ConnectError(`${request.method.name} is not registered in this process`, Code.Unimplemented);
    }
    const context = createCallContext({
      method: request.method,
      protocolName: "in-process",
      requestMethod: "POST",
      url: request.url,
      requestHeader: request.header,
      signal: request.signal,
      values: request.contextValues,
      timeoutMs,
    });
    const message = create(request.method.output, await spec.impl(request.message, context));
    return {
      stream: false,
      service: request.method.parent,
      method: request.method,
      header: context.responseHeader,
      trailer: context.responseTrailer,
      message,
    };
  }

  async function unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const deadlineAtMs = timeoutMs === undefined ? undefined : options.clock.monotonicMs() + timeoutMs;
    const remaining = (): number | undefined =>
      deadlineAtMs === undefined ? undefined : deadlineAtMs - options.clock.monotonicMs();
    const run: Next = options.interceptors.reduceRight<Next>(
      (next, interceptor) => interceptor(next as never) as Next,
      (request) => invoke(request, remaining),
    );
    const start = (callSignal: AbortSignal): Promise<UnaryResponse> =>
      run({
        stream: false,
        service: method.parent,
        method,
        requestMethod: "POST",
        url: `in-process:/${method.parent.typeName}/${method.name}`,
        header: new Headers(header),
        contextValues: contextValues ?? createContextValues(),
        signal: callSignal,
        message: create(method.input, input) as MessageShape<DescMessage>,
      }).catch((thrown: unknown) => {
        throw normalizeConnectError(thrown);
      });
    const bounded =
      signal === undefined && timeoutMs === undefined
        ? start(neverAborted)
        : withinDeadline(options.clock, signal, timeoutMs, start);
    return (await bounded) as UnaryResponse<I, O>;
  }

  return {
    unary,
    stream: () =>
      Promise.reject(new ConnectError("streaming calls are not available in-process", Code.Unimplemented)),
  };
}

/** Rejects at the deadline or when the caller gives up, whichever is first, and tells the handler by its signal. */
function withinDeadline<T>(
  clock: Pick<Clock, "setTimer">,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const controller = new AbortController();
    const give = (error: ConnectError): void => {
      settle();
      controller.abort(error);
      reject(error);
    };
    const onAbort = (): void => give(ConnectError.from(signal?.reason, Code.Canceled));
    const expired = (): void => give(new ConnectError("the operation timed out", Code.DeadlineExceeded));
    if (signal?.aborted === true) {
      reject(ConnectError.from(signal.reason, Code.Canceled));
      return;
    }
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      reject(new ConnectError("the operation timed out", Code.DeadlineExceeded));
      return;
    }
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(timeoutMs, expired);
    signal?.addEventListener("abort", onAbort, { once: true });
    function settle(): void {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
    }
    start(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}
