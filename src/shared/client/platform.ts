/** The defaults of browsers, Bun and Node: the one file of the client that touches globals. */
import type { ClientOptions, ClientSettings } from "./client-options.ts";
import type { Clock, HttpFetch, Random, Socket, SocketEvents, SocketFactory } from "./ports.ts";
import type { ClientStorage } from "./storage.ts";
import { IndexedDbStorage } from "./storage-indexeddb.ts";
import { MemoryStorage } from "./storage-memory.ts";
import type { TabMessage, Tabs } from "./tabs.ts";

/** The longest delay that a runtime timer takes; a longer one would fire at once. */
const timerDelayMaxMs = 2 ** 31 - 1;

/** Timers keep a process alive: a program that waits for a reconnect must not end. */
export const platformClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    let leftMs = Math.max(0, Math.ceil(delayMs));
    let handle: ReturnType<typeof setTimeout>;
    const wait = (): void => {
      const legMs = Math.min(leftMs, timerDelayMaxMs);
      leftMs -= legMs;
      handle = setTimeout(leftMs > 0 ? wait : callback, legMs);
    };
    wait();
    return { cancel: () => clearTimeout(handle) };
  },
};

export const platformRandom: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  float: () => {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  },
};

/** Bun's WebSocket takes headers as an option of its constructor; those of browsers and Node do not. */
export const platformSockets: SocketFactory = {
  supportsHeaders: "Bun" in globalThis,
  open: (url, headers, events) => {
    const socket =
      Object.keys(headers).length === 0
        ? new WebSocket(url)
        : new WebSocket(url, { headers } as unknown as string[]);
    return adaptWebSocket(socket, events);
  },
};

function adaptWebSocket(socket: WebSocket, events: SocketEvents): Socket {
  let closed = false;
  socket.addEventListener("open", () => events.onOpen());
  socket.addEventListener("message", (event) => {
    // The protocol has text frames only.
    if (typeof event.data === "string") events.onText(event.data);
  });
  socket.addEventListener("close", (event) => {
    if (closed) return;
    closed = true;
    events.onClose({
      code: event.code,
      reason: event.reason,
      httpStatus: undefined,
      retryAfterMs: undefined,
    });
  });
  // A close always follows; without a listener some runtimes would report the error as uncaught.
  socket.addEventListener("error", () => undefined);
  return {
    send: (text) => {
      // Sending on a socket that is closing throws in some runtimes; its close is on the way.
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

const platformFetch: HttpFetch = (url, request) => fetch(url, request);

function platformStorage(): ClientStorage {
  return typeof indexedDB === "undefined"
    ? new MemoryStorage()
    : new IndexedDbStorage({ factory: indexedDB, keyRange: IDBKeyRange }, "triplane");
}

/** What the options leave open. */
export function platformDefaults(
  options: ClientOptions,
): Pick<ClientSettings, "storage" | "clock" | "random" | "sockets" | "fetch"> {
  return {
    storage: options.storage ?? platformStorage(),
    clock: options.clock ?? platformClock,
    random: options.random ?? platformRandom,
    sockets: options.sockets ?? platformSockets,
    fetch: options.fetch ?? platformFetch,
  };
}

/** Web Locks choose the leader, a BroadcastChannel carries the rest. @returns undefined where either is missing */
export function browserTabs(name: string): Tabs | undefined {
  // Bun and Node have channels and threads, but no tabs.
  if (typeof window === "undefined" || typeof BroadcastChannel === "undefined") return undefined;
  if (typeof navigator === "undefined" || navigator.locks === undefined) return undefined;
  const channel = new BroadcastChannel(name);
  return {
    lead: (signal) =>
      new Promise((resolve, reject) => {
        navigator.locks
          .request(name, { signal }, () => new Promise<void>((release) => resolve(release)))
          .catch(reject);
      }),
    post: (message) => channel.postMessage(message),
    listen: (listener) => {
      const onMessage = (event: MessageEvent): void => listener(event.data as TabMessage);
      channel.addEventListener("message", onMessage);
      return () => channel.removeEventListener("message", onMessage);
    },
  };
}
