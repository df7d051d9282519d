/** A connection without a client behind it: sends what a test says and keeps what comes, with its time. */
import type { SocketClose } from "../../src/shared/client/ports.ts";
import type { ClientFrame, ServerFrame } from "../../src/shared/protocol/frames.ts";
import { simulatedBaseUrl } from "./installation.ts";
import type { SimulatedLink } from "./simulated-link.ts";
import type { Endpoint } from "./simulated-network.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

export interface RawCredentials {
  readonly device_id: string;
  readonly access_token: string;
}

type FrameOf<Type extends ServerFrame["type"]> = Extract<ServerFrame, { readonly type: Type }>;

export class RawClient {
  readonly #world: SimulatedWorld;
  readonly #endpoint: Endpoint;
  readonly frames: ServerFrame[] = [];
  closed: SocketClose | undefined;
  readonly #socket: { send(text: string): void; close(code: number, reason: string): void };
  #beating = false;
  #requests = 0;

  private constructor(world: SimulatedWorld, credentials: RawCredentials) {
    this.#world = world;
    this.#endpoint = world.network.endpoint("10.9.9.9");
    this.#socket = this.#endpoint.sockets.open(
      `${simulatedBaseUrl.replace("http", "ws")}/ws/v1?device_id=${credentials.device_id}`,
      { Authorization: `Bearer ${credentials.access_token}` },
      {
        onOpen: () => undefined,
        onText: (text) => void this.frames.push(JSON.parse(text) as ServerFrame),
        onClose: (close) => {
          this.closed = close;
          this.#beating = false;
        },
      },
    );
  }

  /** Resolves when the server has said that the connection is established. */
  static async connect(world: SimulatedWorld, credentials: RawCredentials): Promise<RawClient> {
    const client = new RawClient(world, credentials);
    await world.clock.runUntil(() => client.of("connection_established").length > 0, 10_000);
    return client;
  }

  of<Type extends ServerFrame["type"]>(type: Type): readonly FrameOf<Type>[] {
    return this.frames.filter((frame): frame is FrameOf<Type> => frame.type === type);
  }

  /** The server's time of the first frame of a type. @throws {Error} there is none */
  timeOf(type: ServerFrame["type"]): number {
    const frame = this.frames.find((candidate) => candidate.type === type);
    if (frame === undefined)
      throw new Error(`no ${type} among ${this.frames.map(({ type }) => type).join()}`);
    return Date.parse(frame.timestamp);
  }

  get link(): SimulatedLink {
    const { link } = this.#endpoint;
    if (link === undefined) throw new Error("there is no connection");
    return link;
  }

  send(frame: ClientFrame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  sendMessage(chatId: string, clientMessageId: string, content: string): void {
    this.#requests += 1;
    const payload = { client_message_id: clientMessageId, chat_id: chatId, content };
    this.send({ type: "send_message", request_id: `send-${this.#requests}`, payload });
  }

  heartbeat(): void {
    this.send({ type: "heartbeat", payload: {} });
  }

  /** Heartbeats for as long as the connection lives, or until `stopHeartbeats`. */
  keepAlive(everyMs: number): void {
    this.#beating = true;
    const beat = (): void => {
      if (!this.#beating) return;
      this.heartbeat();
      this.#world.clock.setTimer(everyMs, beat);
    };
    beat();
  }

  stopHeartbeats(): void {
    this.#beating = false;
  }
}

/** A UUID that says its number. */
export function numberedUuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}
