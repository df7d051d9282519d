/** Between installations and the server: sockets and requests with seeded delays, losses and breaks. */
import type { Gateway } from "../../src/gateway/gateway.ts";
import type { HttpFetch, HttpRequest, HttpResponse, SocketFactory } from "../../src/shared/client/ports.ts";
import type { FaultCounts } from "./fault-counts.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedLink } from "./simulated-link.ts";
import type { SimulatedTopics } from "./simulated-topics.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What listens: one incarnation of the server's process. */
export interface Listener {
  readonly gateway: Gateway;
  readonly topics: SimulatedTopics;
  fetch(request: Request, peer: { readonly socketAddress: string }): Promise<Response>;
}

export interface NetworkWeather {
  latencyMs: { min: number; max: number };
  /** Probability that a request, or its answer, is lost with its connection. */
  restLoss: number;
}

export const fineNetwork = (): NetworkWeather => ({ latencyMs: { min: 1, max: 30 }, restLoss: 0 });

/** A program on a device: its sockets and requests. */
export interface Endpoint {
  readonly sockets: SocketFactory;
  readonly fetch: HttpFetch;
  /** Its open or opening socket. */
  readonly link: SimulatedLink | undefined;
  /** The device's own network is gone or back. Open sockets break: the client notices, the server does not. */
  offline: boolean;
  /** The program is gone: nothing reaches it any more. */
  kill(): void;
}

const windowBytes = 64 * 1024;

export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #faults: FaultCounts;
  readonly weather = fineNetwork();
  #listener: Listener | undefined;
  readonly #links = new Set<SimulatedLink>();
  /** Exchanges that a dying server breaks off. */
  readonly #exchanges = new Set<{ readonly listener: Listener; readonly breakOff: () => void }>();
  /** Frames that a runtime dropped over its limit. */
  readonly dropped: string[] = [];
  receiveWindowBytes = windowBytes;
  /** Frames to clients that vanish without a trace, as pushes do that a gateway never got. */
  losesFrame: (frame: string) => boolean = () => false;

  constructor(clock: VirtualClock, random: SeededRandom, faults: FaultCounts) {
    this.#clock = clock;
    this.#random = random;
    this.#faults = faults;
  }

  get links(): readonly SimulatedLink[] {
    return [...this.#links].filter((link) => link.clientOpen);
  }

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  /** New connections are refused; open ones live on. */
  stopListening(listener: Listener): void {
    if (this.#listener === listener) this.#listener = undefined;
  }

  /** The process is gone, with all its connections. */
  listenerDied(listener: Listener): void {
    this.stopListening(listener);
    for (const link of this.#links) link.serverDied();
    for (const exchange of [...this.#exchanges]) {
      if (exchange.listener === listener) exchange.breakOff();
    }
  }

  endpoint(address: string): Endpoint {
    let alive = true;
    let offline = false;
    let link: SimulatedLink | undefined;
    return {
      get link() {
        return link;
      },
      sockets: {
        supportsHeaders: true,
        open: (url, headers, events) => {
          const opening = this.#open(address, url, headers, () => alive && !offline, {
            onOpen: () => alive && events.onOpen(),
            onText: (text) => alive && events.onText(text),
            onClose: (close) => alive && events.onClose(close),
          });
          link = opening;
          return opening.clientSocket;
        },
      },
      fetch: (url, request) =>
        this.#exchange(
          address,
          url,
          request,
          () => alive,
          () => offline,
        ),
      get offline() {
        return offline;
      },
      set offline(value) {
        if (value && !offline) link?.halfOpen();
        offline = value;
      },
      kill: () => {
        alive = false;
        link?.clientDied();
      },
    };
  }

  #latencyMs(): number {
    return this.#random.between(this.weather.latencyMs.min, this.weather.latencyMs.max);
  }

  #open(
    address: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    reachable: () => boolean,
    events: ConstructorParameters<typeof SimulatedLink>[0]["events"],
  ): SimulatedLink {
    const link = new SimulatedLink({
      clock: this.#clock,
      random: this.#random,
      faults: this.#faults,
      events,
      latencyMs: this.weather.latencyMs,
      windowBytes: this.receiveWindowBytes,
      losesFrame: (frame) => this.losesFrame(frame),
      onDropped: (frame) => this.dropped.push(frame),
      onEnded: (ended) => this.#links.delete(ended),
    });
    this.#links.add(link);
    this.#clock.setTimer(this.#latencyMs(), () => {
      const listener = this.#listener;
      if (listener === undefined || !reachable()) {
        this.#faults.note("connect_refused");
        link.refused();
        return;
      }
      const upgrade = { upgrade: "websocket", ...headers };
      void listener.gateway
        .handshake({ url: new URL(url), headers: new Headers(upgrade), ipKey: address })
        .then((outcome) => {
          if (!outcome.ok) {
            this.#faults.note("upgrade_refused");
            link.refused();
            return;
          }
          const connection = listener.gateway.connectionFor(outcome.init);
          if (link.clientOpen && reachable()) link.opened(listener.gateway, connection, listener.topics);
          else {
            listener.gateway.abandoned(connection);
            link.refused();
          }
        });
    });
    return link;
  }

  #exchange(
    address: string,
    url: string,
    request: HttpRequest,
    alive: () => boolean,
    offline: () => boolean,
  ): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      const later = (effect: () => void): void => {
        this.#clock.setTimer(this.#latencyMs(), () => {
          if (alive()) effect();
        });
      };
      const fail = (reason: string): void => later(() => reject(new TypeError(reason)));
      request.signal.addEventListener("abort", () => alive() && reject(request.signal.reason));
      later(() => {
        const listener = this.#listener;
        if (listener === undefined || offline()) {
          this.#faults.note("connect_refused");
          fail("connection refused");
          return;
        }
        const loses = (): boolean => offline() || this.#random.chance(this.weather.restLoss);
        if (loses()) {
          this.#faults.note("rest_request_lost");
          fail("connection reset");
          return;
        }
        const exchange = {
          listener,
          breakOff: () => {
            if (this.#exchanges.delete(exchange)) fail("connection reset");
          },
        };
        this.#exchanges.add(exchange);
        void answerOf(listener, address, url, request).then((answer) => {
          if (!this.#exchanges.delete(exchange)) return;
          if (!loses()) {
            later(() => resolve(answer));
            return;
          }
          this.#faults.note("rest_answer_lost");
          fail("connection reset");
        });
      });
    });
  }
}

async function answerOf(
  listener: Listener,
  address: string,
  url: string,
  { method, headers, body }: HttpRequest,
): Promise<HttpResponse> {
  const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const request = new Request(url, { method, headers: { ...headers, ...length }, body });
  const response = await listener.fetch(request, { socketAddress: address });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text: async () => text };
}
