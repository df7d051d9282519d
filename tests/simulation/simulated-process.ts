/** The standalone server as a process that can be started, drained and killed, always on the same database file. */
import { OtpCodes } from "../../src/chatmgmt/otp-codes.ts";
import type { SmsSender } from "../../src/chatmgmt/sms-sender.ts";
import type { StandaloneSettings } from "../../src/shared/runtime/config/standalone-settings.ts";
import { type Logger, silentLogger } from "../../src/shared/runtime/logger.ts";
import { createStandaloneSystem, type StandaloneSystem } from "../../src/standalone-system.ts";
import { FakeAccessTokens } from "./access-tokens.fake.ts";
import { type FaultCounts, type FaultPoint, faultPoints } from "./fault-counts.ts";
import { LocalClock } from "./local-clock.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Listener, SimulatedNetwork } from "./simulated-network.ts";
import { type CommitFate, fineDisk, SimulatedStorage } from "./simulated-storage.ts";
import { SimulatedTopics } from "./simulated-topics.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface ProcessParts {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly faults: FaultCounts;
  readonly network: SimulatedNetwork;
  readonly databasePath: string;
  readonly settings: StandaloneSettings;
  readonly sms: SmsSender;
}

interface Incarnation {
  readonly clock: LocalClock;
  readonly storage: SimulatedStorage;
  readonly system: StandaloneSystem;
  readonly listener: Listener;
}

const pepper = new Uint8Array(32).fill(7);

export class SimulatedProcess {
  readonly #parts: ProcessParts;
  readonly disk = fineDisk();
  #incarnation: Incarnation | undefined;
  #wallOffsetMs = 0;
  /** Internal errors that the server logged: each is a mistake of ours. */
  readonly internalErrors: string[] = [];
  topicPublishes = 0;

  constructor(parts: ProcessParts) {
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#incarnation !== undefined;
  }

  /** A commit of the store is under way. */
  get storeWriting(): boolean {
    return this.#incarnation?.storage.writing ?? false;
  }

  get system(): StandaloneSystem {
    return this.#current().system;
  }

  get storage(): SimulatedStorage {
    return this.#current().storage;
  }

  get clock(): LocalClock {
    return this.#current().clock;
  }

  async start(): Promise<void> {
    const { databasePath, faults, network, random, settings, sms } = this.#parts;
    const clock = new LocalClock(this.#parts.clock, this.#wallOffsetMs);
    const own = random.fork();
    const storage = new SimulatedStorage(databasePath, clock, random.fork(), this.disk, faults);
    const topics = new SimulatedTopics();
    const system = createStandaloneSystem({
      clock,
      random: own,
      logger: this.#logger(),
      storage,
      tokens: new FakeAccessTokens(clock),
      otpCodes: new OtpCodes({
        pepper,
        cipher: {
          encrypt: async (otp, context) => `${context} ${otp}`,
          decrypt: async (text) => text.slice(-6),
        },
        random: own,
        fixedCode: undefined,
      }),
      sms,
      audit: { record: () => undefined },
      topics,
      settings,
      version: "simulated",
      mountMore: () => undefined,
    });
    const listener: Listener = { gateway: system.gateway, topics, fetch: (...call) => system.fetch(...call) };
    const incarnation = { clock, storage, system, listener };
    this.#incarnation = incarnation;
    await system.start();
    // A kill may have come first.
    if (this.#incarnation === incarnation) network.listen(listener);
  }

  /** As SIGKILL: nothing is finished, nothing is said. @param fate of the commit under way; undefined: by chance */
  kill(fate?: CommitFate): void {
    const { faults, network } = this.#parts;
    const incarnation = this.#current();
    this.#incarnation = undefined;
    this.topicPublishes += incarnation.listener.topics.published;
    faults.note("process_killed");
    if (incarnation.storage.writing) faults.note("process_killed_writing");
    incarnation.clock.stop();
    incarnation.storage.kill(fate);
    network.listenerDied(incarnation.listener);
  }

  /** As SIGTERM. Resolves when the process would end. */
  async drain(): Promise<void> {
    const { faults, network } = this.#parts;
    const incarnation = this.#current();
    faults.note("process_drained");
    await incarnation.system.drain();
    if (this.#incarnation !== incarnation) return;
    network.listenerDied(incarnation.listener);
    await incarnation.storage.close();
    incarnation.clock.stop();
    this.topicPublishes += incarnation.listener.topics.published;
    this.#incarnation = undefined;
  }

  /** The machine's wall clock is corrected; it stays so over restarts. */
  jumpWallClock(byMs: number): void {
    this.#parts.faults.note("wall_clock_jumped");
    this.#wallOffsetMs += byMs;
    this.#incarnation?.clock.jump(byMs);
  }

  get wallOffsetMs(): number {
    return this.#wallOffsetMs;
  }

  #current(): Incarnation {
    if (this.#incarnation === undefined) throw new Error("the process does not run");
    return this.#incarnation;
  }

  #logger(): Logger {
    return {
      ...silentLogger,
      debug: (event, fields) => {
        const point = `closed_${String(fields?.["reason"])}` as FaultPoint;
        if (event === "connection_closed" && faultPoints.includes(point)) this.#parts.faults.note(point);
      },
      error: (event, fields) => {
        if (event !== "internal_error") return;
        const { error } = fields ?? {};
        this.internalErrors.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
      },
    };
  }
}
