/**
 * The gateway on Bun's own sockets. Bun's send answers >0 sent, -1 taken with back-pressure, 0 dropped; its limits
 * are set so that what we hand over is never dropped, and its buffer never becomes a queue.
 */
import type { Server, ServerWebSocket, WebSocketHandler } from "bun";
import { limits } from "../shared/domain/limits.ts";
import type { Connection } from "./connection.ts";
import type { Gateway } from "./gateway.ts";
import { backpressureBytesMax, type Socket, type TopicPublisher } from "./socket.ts";
import { isSocketPath, refusalResponse } from "./upgrade.ts";

export type SocketData = { readonly connection: Connection };
type BunSocket = ServerWebSocket<SocketData>;

/** Publishing belongs to the server, which exists only after the gateway: connect it once it listens. */
export class BunTopicPublisher implements TopicPublisher {
  server: Server<SocketData> | undefined;

  publish(topic: string, frame: string): void {
    this.server?.publish(topic, frame);
  }
}

/** Handlers for `Bun.serve({ websocket })`. */
export function bunSocketHandlers(gateway: Gateway): WebSocketHandler<SocketData> {
  return {
    maxPayloadLength: limits.transportBytesMax,
    backpressureLimit: backpressureBytesMax,
    closeOnBackpressureLimit: false,
    perMessageDeflate: false,
    // Application heartbeats decide; this only ends links that vanished without a word.
    idleTimeout: 60,
    sendPings: true,
    publishToSelf: false,
    open(socket) {
      gateway.opened(socket.data.connection, new BunSocketAdapter(socket));
    },
    message(socket, message) {
      if (typeof message === "string") {
        const bytes =
          message.length * 3 <= limits.frameBytesMax ? message.length : Buffer.byteLength(message, "utf8");
        gateway.onText(socket.data.connection, message, bytes);
      } else gateway.onBinary(socket.data.connection);
    },
    drain(socket) {
      gateway.onDrain(socket.data.connection);
    },
    close(socket) {
      gateway.onClosed(socket.data.connection);
    },
  };
}

/**
 * Answers requests on a gateway's paths: upgrades or refuses them.
 * @returns undefined for a path that is not a gateway's, null when the socket was upgraded
 */
export async function upgradeOnBun(
  gateway: Gateway,
  request: Request,
  server: Server<SocketData>,
  ipKey: string,
): Promise<Response | undefined | null> {
  const url = new URL(request.url);
  if (!isSocketPath(url.pathname)) return undefined;
  const outcome = await gateway.handshake({ url, headers: request.headers, ipKey });
  if (!outcome.ok) return refusalResponse(outcome.refusal);
  const connection = gateway.connectionFor(outcome.init);
  if (server.upgrade(request, { data: { connection } })) return null;
  gateway.abandoned(connection);
  return refusalResponse({
    status: 400,
    error: "invalid_request",
    message: "The WebSocket handshake is malformed",
    details: undefined,
    retryAfterSeconds: undefined,
  });
}

/** One small object per connection: there are tens of thousands of these. */
class BunSocketAdapter implements Socket {
  readonly #socket: BunSocket;

  constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  send(frames: readonly string[]): boolean {
    const socket = this.#socket;
    const [first] = frames;
    if (first === undefined) return true;
    if (frames.length === 1) return accepted(socket, socket.send(first));
    let dropped = false;
    socket.cork(() => {
      for (const frame of frames) if (socket.send(frame) === 0) dropped = true;
    });
    return accepted(socket, dropped ? 0 : socket.getBufferedAmount() > 0 ? -1 : 1);
  }

  subscribe(topic: string): void {
    this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#socket.unsubscribe(topic);
  }

  publish(topic: string, frame: string): void {
    this.#socket.publish(topic, frame);
  }

  bufferedBytes(): number {
    return this.#socket.getBufferedAmount();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

/** A dropped frame would be a silent hole: the socket ends, the client syncs. */
function accepted(socket: BunSocket, result: number): boolean {
  if (result > 0) return true;
  if (result === 0 && socket.readyState === WebSocket.OPEN) socket.terminate();
  return false;
}
