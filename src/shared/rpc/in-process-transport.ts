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
  isMessage,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  createServiceImplSpec,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
  type ServiceImpl,
  type Transport,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { Clock } from "../domain/clock.ts";
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

  async function invoke(call: Call): Promise<UnaryResponse> {
    const spec = specs.get(call.method);
    if (spec?.kind !== "unary") {
      throw new ConnectError(`${call.method.name} is not registered in this process`, Code.Unimplemented);
    }
    const answer = await spec.impl(call.message, call);
    const { output } = call.method;
    call.answer = isMessage(answer, output) ? answer : create(output, answer);
    return call;
  }

  /** Interceptors see requests and headers as they do over HTTP; without any, none of that is made. */
  function run(call: Call): Promise<UnaryResponse> {
    if (options.interceptors.length === 0) return invoke(call);
    const next = options.interceptors.reduceRight<Next>(
      (inner, interceptor) => interceptor(inner as never) as Next,
      (request) => invoke(call.after(request)),
    );
    return next(call.asRequest());
  }

  async function unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const message = isMessage(input, method.input) ? input : create(method.input, input);
    const call = new Call(options.clock, method, message, header, contextValues, timeoutMs);
    const bounded =
      signal === undefined && timeoutMs === undefined
        ? run(call)
        : withinDeadline(options.clock, signal, timeoutMs, call, () => run(call));
    try {
      return (await bounded) as UnaryResponse<I, O>;
    } catch (thrown) {
      throw normalizeConnectError(thrown);
    }
  }

  return {
    unary,
    stream: () =>
      Promise.reject(new ConnectError("streaming calls are not available in-process", Code.Unimplemented)),
  };
}

/**
 * One call: its handler's context and its response in one object. Headers and signals are native objects that
 * cost more than the call itself, so they are made when somebody looks at them.
 */
class Call implements HandlerContext, UnaryResponse {
  readonly stream = false;
  readonly protocolName = "in-process";
  readonly requestMethod = "POST";
  readonly method: DescMethodUnary;
  message: MessageShape<DescMessage>;
  readonly values: ContextValues;
  readonly #clock: InProcessTransportOptions["clock"];
  readonly #deadlineAtMs: number | undefined;
  readonly #header: HeadersInit | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #controller: AbortController | undefined;
  #aborted: ConnectError | undefined;

  constructor(
    clock: InProcessTransportOptions["clock"],
    method: DescMethodUnary,
    message: MessageShape<DescMessage>,
    header: HeadersInit | undefined,
    values: ContextValues | undefined,
    timeoutMs: number | undefined,
  ) {
    this.#clock = clock;
    this.method = method;
    this.message = message;
    this.#header = header;
    this.values = values ?? createContextValues();
    this.#deadlineAtMs = timeoutMs === undefined ? undefined : clock.monotonicMs() + timeoutMs;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get url(): string {
    return `in-process:/${this.method.parent.typeName}/${this.method.name}`;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= new Headers(this.#header);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  get header(): Headers {
    return this.responseHeader;
  }

  get trailer(): Headers {
    return this.responseTrailer;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  timeoutMs(): number | undefined {
    return this.#deadlineAtMs === undefined ? undefined : this.#deadlineAtMs - this.#clock.monotonicMs();
  }

  /** The caller is answered already: a handler that looks learns it. */
  abort(reason: ConnectError): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  set answer(message: MessageShape<DescMessage>) {
    this.message = message;
  }

  /** What interceptors take. */
  asRequest(): UnaryRequest {
    return {
      stream: false,
      service: this.service,
      method: this.method,
      requestMethod: this.requestMethod,
      url: this.url,
      header: this.requestHeader,
      contextValues: this.values,
      signal: this.signal,
      message: this.message,
    } as UnaryRequest;
  }

  /** The call as interceptors passed it on. */
  after(request: UnaryRequest): Call {
    this.message = request.message;
    this.#requestHeader = request.header;
    return this;
  }
}

/** Rejects at the deadline or when the caller gives up, whichever is first, and tells the handler by its signal. */
function withinDeadline<T>(
  clock: Pick<Clock, "setTimer">,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  call: Call,
  start: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (error: ConnectError): void => {
      settle();
      call.abort(error);
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
    start().then(
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
