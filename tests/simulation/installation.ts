/**
 * A user's installation of the reference client: a device, its storage, and one program after the other that
 * uses them. Logs in again when its session ends, as a person would.
 */
import { TriplaneClient } from "../../src/shared/client/client.ts";
import { MemoryStorage } from "../../src/shared/client/storage-memory.ts";
import { sleep } from "../../src/shared/domain/clock.ts";
import type { ClientRecording } from "../checker/recorder.ts";
import { LocalClock } from "./local-clock.ts";
import type { Endpoint } from "./simulated-network.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** One run of the program. */
interface Program {
  readonly client: TriplaneClient;
  readonly clock: LocalClock;
  readonly endpoint: Endpoint;
  readonly recording: ClientRecording;
  loggingIn: boolean;
}

export interface InstallationOptions {
  readonly name: string;
  readonly address: string;
  readonly phoneNumber: string;
  readonly limitSends: boolean;
  readonly sendsInFlightPerChat: number;
  /** How wrong the device's clock is; undefined: as it happens. */
  readonly clockErrorMs: number | undefined;
}

/** Devices whose clocks are wrong by up to this: they do not see the end of a token come. */
const wrongClockMs = 20 * 60_000;

export const simulatedBaseUrl = "http://simulated";

export class Installation {
  readonly options: InstallationOptions;
  readonly #world: SimulatedWorld;
  readonly #storage = new MemoryStorage();
  #program: Program | undefined;
  #loads = 0;
  #userId = "";
  #wantsToBeOnline = false;
  readonly failedSends: { readonly code: string; readonly chatId: string }[] = [];

  constructor(world: SimulatedWorld, options: InstallationOptions) {
    this.#world = world;
    this.options = options;
  }

  get userId(): string {
    return this.#userId;
  }

  get client(): TriplaneClient {
    return this.#running().client;
  }

  get clock(): LocalClock {
    return this.#running().clock;
  }

  get endpoint(): Endpoint {
    return this.#running().endpoint;
  }

  /** Takes over a session that was seeded. */
  async startSeeded(seeded: {
    readonly user_id: string;
    readonly device_id: string;
    readonly access_token: string;
    readonly refresh_token: string;
  }): Promise<void> {
    this.#userId = seeded.user_id;
    await this.#load();
    await this.client.useSession({
      userId: seeded.user_id,
      deviceId: seeded.device_id,
      accessToken: seeded.access_token,
      refreshToken: seeded.refresh_token,
    });
  }

  /** A further device of a known user: logs in with a code. */
  async startWithLogin(userId: string): Promise<void> {
    this.#userId = userId;
    await this.#load();
    await this.#login();
  }

  connect(): void {
    this.#wantsToBeOnline = true;
    this.client.connect().catch(() => undefined);
  }

  async disconnect(): Promise<void> {
    this.#world.faults.note("client_disconnected");
    this.#wantsToBeOnline = false;
    await this.client.disconnect();
  }

  /** The program is killed and started again on what its storage holds. */
  async reload(): Promise<void> {
    this.#world.faults.note("client_killed");
    this.stop();
    await this.#load();
    if (this.client.userId === undefined) void this.#login();
    else if (this.#wantsToBeOnline) this.connect();
  }

  /** The program is killed. */
  stop(): void {
    const { client, clock, endpoint, recording } = this.#running();
    this.#program = undefined;
    clock.stop();
    endpoint.kill();
    client.abandon();
    recording.stopped();
  }

  get settled(): boolean {
    return this.client.state === "Ready" && this.client.unsent.length === 0;
  }

  async #load(): Promise<void> {
    const world = this.#world;
    const wrongByMs = world.random.chance(0.2) ? wrongClockMs : 2000;
    const errorMs = this.options.clockErrorMs ?? world.random.between(-wrongByMs, wrongByMs);
    const clock = new LocalClock(world.clock, errorMs);
    const endpoint = world.network.endpoint(this.options.address);
    let recording: ClientRecording | undefined;
    const client = await TriplaneClient.open({
      baseUrl: simulatedBaseUrl,
      storage: this.#storage,
      clock,
      random: world.random.fork(),
      sockets: endpoint.sockets,
      fetch: endpoint.fetch,
      onFrame: (direction, text) => recording?.onFrame(direction, text),
      limitSends: this.options.limitSends,
      sendsInFlightPerChat: this.options.sendsInFlightPerChat,
      messagesPerChatMax: 100_000,
    });
    this.#loads += 1;
    const cursors = Object.fromEntries(world.chatIds.map((chatId) => [chatId, client.cursor(chatId)]));
    recording = world.recorder.client(`${this.options.name}.${this.#loads}`, this.#userId, cursors);
    recording.attach(client);
    const program = { client, clock, endpoint, recording, loggingIn: false };
    this.#program = program;
    client.on("sendFailed", ({ chatId, error }) => this.failedSends.push({ chatId, code: error.code }));
    client.on("error", ({ code, message, cause }) => {
      if (code === "LISTENER_FAILED") throw new Error(message, { cause });
    });
    client.on("loggedOut", () => {
      if (this.#program === program) void this.#login();
    });
  }

  /** Asks for codes until one of them gets us in. */
  async #login(): Promise<void> {
    const program = this.#running();
    const { client, clock } = program;
    if (program.loggingIn) return;
    program.loggingIn = true;
    if (this.#wantsToBeOnline) this.#world.faults.note("login_again");
    try {
      while (this.#program === program) {
        try {
          await client.rest.requestOtp(this.options.phoneNumber);
          await sleep(clock, 100);
          await client.login(this.options.phoneNumber, this.#world.codes.get(this.options.phoneNumber) ?? "");
          if (this.#wantsToBeOnline) this.connect();
          return;
        } catch {
          await sleep(clock, 2000);
        }
      }
    } finally {
      program.loggingIn = false;
    }
  }

  #running(): Program {
    if (this.#program === undefined) throw new Error(`${this.options.name} does not run`);
    return this.#program;
  }
}
