import type { Clock, FrameTap, HttpFetch, Random, SocketFactory } from "./ports.ts";
import type { ClientStorage } from "./storage.ts";

/** Only `baseUrl` is needed; what is left out is made for the platform. */
export interface ClientOptions {
  /** `https://host[:port]`, without a path. */
  readonly baseUrl: string;
  /** Where the gateway is another server: `wss://host[:port]/ws/v1`. Default: `/ws/v1` at `baseUrl`. */
  readonly socketUrl?: string;
  /** Default: IndexedDB in browsers, memory elsewhere (`FileStorage` keeps an outbox over restarts). */
  readonly storage?: ClientStorage;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly sockets?: SocketFactory;
  readonly fetch?: HttpFetch;
  /** Sees every frame as it is on the wire, for recorders. */
  readonly onFrame?: FrameTap;
  /** A UUID, stable per installation. Default: the stored one, made at first use. */
  readonly deviceId?: string;
  /**
   * Where a chat begins that this installation has never seen: `beginning` fetches the whole history,
   * `watermark` what the account has not acknowledged yet. Default `beginning`.
   */
  readonly startFrom?: "beginning" | "watermark";
  /** Ask `GET /delivery-state` after connecting: finds new chats and skips those that are current. Default true. */
  readonly discoverChats?: boolean;
  /** Obey the server's send limits before it has to enforce them. Default true. */
  readonly limitSends?: boolean;
  /** Unanswered sends per chat. Above 1 a refused message may be overtaken by the next. Default 1. */
  readonly sendsInFlightPerChat?: number;
  /** Messages kept per chat, in memory and in storage. Default 1000. */
  readonly messagesPerChatMax?: number;
  /** Unsent messages kept; beyond, `send` throws OUTBOX_FULL. Default 1000. */
  readonly outboxMax?: number;
}

/** Every option decided. */
export interface ClientSettings {
  readonly baseUrl: string;
  readonly socketUrl: string;
  readonly storage: ClientStorage;
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: SocketFactory;
  readonly fetch: HttpFetch;
  readonly onFrame: FrameTap;
  readonly deviceId: string | undefined;
  readonly startFrom: "beginning" | "watermark";
  readonly discoverChats: boolean;
  readonly limitSends: boolean;
  readonly sendsInFlightPerChat: number;
  readonly messagesPerChatMax: number;
  readonly outboxMax: number;
}

/** @throws {RangeError} a base URL that is not http or https, a bound that is not a positive integer */
export function resolveOptions(
  options: ClientOptions,
  platform: Pick<ClientSettings, "storage" | "clock" | "random" | "sockets" | "fetch">,
): ClientSettings {
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  if (!/^https?:\/\/[^/?#]+$/.test(baseUrl)) {
    throw new RangeError(`baseUrl "${options.baseUrl}" must be http:// or https://, a host and no path`);
  }
  return {
    baseUrl,
    socketUrl: options.socketUrl ?? `${baseUrl.replace(/^http/, "ws")}/ws/v1`,
    storage: platform.storage,
    clock: platform.clock,
    random: platform.random,
    sockets: platform.sockets,
    fetch: platform.fetch,
    onFrame: options.onFrame ?? (() => undefined),
    deviceId: options.deviceId,
    startFrom: options.startFrom ?? "beginning",
    discoverChats: options.discoverChats ?? true,
    limitSends: options.limitSends ?? true,
    sendsInFlightPerChat: positive("sendsInFlightPerChat", options.sendsInFlightPerChat ?? 1),
    messagesPerChatMax: positive("messagesPerChatMax", options.messagesPerChatMax ?? 1000),
    outboxMax: positive("outboxMax", options.outboxMax ?? 1000),
  };
}

function positive(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} ${value} must be an integer of at least 1`);
}
