/** Everything of one simulation: a clock, a network, the server's process, installations, the recorded history. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SeededUser, type SeedOptions, seedUsers } from "../../src/chatmgmt/seed.ts";
import { createIds } from "../../src/shared/domain/ids.ts";
import {
  readStandaloneSettings,
  type StandaloneSettings,
} from "../../src/shared/runtime/config/standalone-settings.ts";
import { createSqliteChatStore } from "../../src/shared/stores/chat-store.sqlite.ts";
import { createSqliteSessionStore } from "../../src/shared/stores/session-store.sqlite.ts";
import { openInlineStorage } from "../../src/shared/stores/sqlite/inline-storage.ts";
import { createSqliteUserStore } from "../../src/shared/stores/user-store.sqlite.ts";
import { type CheckResult, checkHistory } from "../checker/check-history.ts";
import { type CheckOptions, defaultCheckOptions } from "../checker/check-options.ts";
import type { FinalStore } from "../checker/final-store.ts";
import type { HistoryEvent } from "../checker/history.ts";
import { readFinalStore } from "../checker/read-final-store.ts";
import { Recorder } from "../checker/recorder.ts";
import { FakeAccessTokens } from "./access-tokens.fake.ts";
import { FaultCounts } from "./fault-counts.ts";
import { Installation, type InstallationOptions } from "./installation.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface WorldOptions {
  readonly seed: number;
  /** Settings of the server, as its environment variables. */
  readonly environment: Readonly<Record<string, string>>;
}

const settleMaxMs = 20 * 60_000;

export class SimulatedWorld implements AsyncDisposable {
  readonly seed: number;
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly faults = new FaultCounts();
  readonly network: SimulatedNetwork;
  readonly process: SimulatedProcess;
  readonly settings: StandaloneSettings;
  readonly events: HistoryEvent[] = [];
  readonly recorder: Recorder;
  readonly installations: Installation[] = [];
  /** The last login code that each phone was sent. */
  readonly codes = new Map<string, string>();
  /** All chats that were ever made. */
  readonly chatIds: string[] = [];
  readonly #directory: string;
  readonly #databasePath: string;

  constructor({ seed, environment }: WorldOptions) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.settings = readStandaloneSettings({ argv: [], env: environment, descriptorLimit: 20_000 }).values;
    this.#directory = mkdtempSync(join(tmpdir(), "triplane-simulation-"));
    this.#databasePath = join(this.#directory, "triplane.sqlite");
    this.recorder = new Recorder({
      nowMs: () => this.clock.monotonicMs(),
      write: (event) => this.events.push(event),
    });
    this.network = new SimulatedNetwork(this.clock, this.random.fork(), this.faults);
    this.process = new SimulatedProcess({
      clock: this.clock,
      random: this.random.fork(),
      faults: this.faults,
      network: this.network,
      databasePath: this.#databasePath,
      settings: this.settings,
      sms: { send: async ({ phoneNumber, otp }) => void this.codes.set(phoneNumber, otp) },
    });
  }

  /** Users, sessions and groups, straight into the stores of a server that does not run yet. */
  async seedUsers(options: Pick<SeedOptions, "users" | "chats" | "members">): Promise<readonly SeededUser[]> {
    const storage = openInlineStorage(this.#databasePath);
    const { accessTokenTtlSeconds, sessionTtlSeconds } = this.settings.auth;
    const seeded: SeededUser[] = [];
    const random = this.random.fork();
    const deps = {
      users: createSqliteUserStore(storage),
      sessions: createSqliteSessionStore(storage),
      chats: createSqliteChatStore(storage, { groupMembersMax: this.settings.limits.groups.members }),
      accessTokens: new FakeAccessTokens(this.clock),
      clock: this.clock,
      random,
      ids: createIds(this.clock, random),
    };
    const tokenTimes = { tokenTtlSeconds: accessTokenTtlSeconds, sessionTtlSeconds };
    for await (const user of seedUsers(deps, { ...options, ...tokenTimes })) seeded.push(user);
    await storage.close();
    for (const user of seeded) {
      for (const chatId of user.chat_ids) {
        if (!this.chatIds.includes(chatId)) this.chatIds.push(chatId);
        await this.recorder.membershipChange(chatId, user.user_id, "joined", async () => undefined);
      }
    }
    return seeded;
  }

  /** Lets virtual time pass until the work is done. */
  async drive<T>(work: Promise<T>, maxMs: number): Promise<T> {
    let done = false;
    const finish = (): void => {
      done = true;
    };
    work.then(finish, finish);
    await this.clock.runUntil(() => done, maxMs);
    return work;
  }

  startProcess(): Promise<void> {
    return this.drive(this.process.start(), 60_000);
  }

  addInstallation(options: InstallationOptions): Installation {
    const installation = new Installation(this, options);
    this.installations.push(installation);
    return installation;
  }

  /** One installation per seeded user, connected. */
  async enter(
    seeded: readonly SeededUser[],
    optionsOf: (
      index: number,
    ) => Pick<InstallationOptions, "limitSends" | "sendsInFlightPerChat" | "clockErrorMs">,
  ): Promise<void> {
    for (const [index, user] of seeded.entries()) {
      const installation = this.addInstallation({
        name: `client_${index + 1}`,
        address: `10.0.0.${index + 1}`,
        phoneNumber: user.phone_number,
        ...optionsOf(index),
      });
      await installation.startSeeded(user);
      installation.connect();
    }
    await this.clock.runUntil(
      () => this.installations.every(({ client }) => client.state === "Ready"),
      60_000,
    );
  }

  /** Another access token of the same session, for connections without a client that refreshes. */
  async freshToken(token: string, lifeSeconds = this.settings.auth.accessTokenTtlSeconds): Promise<string> {
    const tokens = new FakeAccessTokens(this.clock);
    const { userId, sessionId } = await tokens.verify(token, { allowExpired: true });
    const nowSeconds = Math.floor(this.clock.nowMs() / 1000);
    return tokens.sign({
      sub: userId,
      sid: sessionId,
      jti: `fresh-${nowSeconds}`,
      iat: nowSeconds,
      exp: nowSeconds + lifeSeconds,
    });
  }

  readStore(): FinalStore {
    return readFinalStore(this.#databasePath);
  }

  /** Everything that was sent is answered, and every member holds what the store holds. */
  async settle(): Promise<void> {
    await this.#until("every send is answered", () => this.installations.every(({ settled }) => settled));
    const store = this.readStore();
    const lagging = (): string[] => {
      const found: string[] = [];
      for (const { client, userId, options } of this.installations) {
        for (const { chatId, sequence } of store.counters) {
          if (!store.memberships.some((one) => one.chatId === chatId && one.userId === userId)) continue;
          if (client.cursor(chatId) < sequence) found.push(`${options.name} ${chatId}`);
        }
      }
      return found;
    };
    for (const { client, userId } of this.installations) {
      for (const { chatId } of store.memberships.filter((one) => one.userId === userId)) {
        client.sync(chatId).catch(() => undefined);
      }
    }
    await this.#until("every member has caught up", () => lagging().length === 0, lagging);
    for (const { client } of this.installations) void client.flushAcks();
    await this.clock.advance(12_000);
    this.recorder.settled();
  }

  async #until(
    what: string,
    condition: () => boolean,
    detail: () => readonly string[] = () => [],
  ): Promise<void> {
    try {
      await this.clock.runUntil(condition, settleMaxMs);
    } catch (cause) {
      const states = this.installations.map(
        ({ client, options }) => `${options.name} ${client.state} unsent ${client.unsent.length}`,
      );
      throw new Error(`seed ${this.seed}: not so that ${what}: ${[...states, ...detail()].join("; ")}`, {
        cause,
      });
    }
  }

  /** Ends everybody and judges the history against what the store holds. */
  check(options: Partial<CheckOptions>, store = this.readStore()): CheckResult {
    if (this.process.running) this.process.kill();
    return checkHistory(this.events, store, { ...defaultCheckOptions, ...options });
  }

  /** Of all that anybody saw and of what is stored: equal for equal runs. */
  hash(): string {
    return createHash("sha256")
      .update(JSON.stringify([this.events, this.readStore()]))
      .digest("hex");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.running) this.process.kill();
    for (const installation of this.installations) {
      try {
        installation.stop();
      } catch {
        // It was stopped already.
      }
    }
    await this.clock.settle();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
