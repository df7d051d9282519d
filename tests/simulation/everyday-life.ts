/** What people do all day, and what happens to their devices: seeded, endless until stopped. */
import { sleep } from "../../src/shared/domain/clock.ts";
import type { Installation } from "./installation.ts";
import type { Roughness } from "./nemesis.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** Messages that may wait in one client. */
const waitingMax = 30;
/** Longer than all retries of a call take. */
const attemptMaxMs = 90_000;

export class EverydayLife {
  readonly #world: SimulatedWorld;
  readonly #roughness: Roughness;
  #stopped = false;
  #running: Promise<void>[] = [];

  constructor(world: SimulatedWorld, roughness: Roughness) {
    this.#world = world;
    this.#roughness = roughness;
  }

  start(): void {
    for (const installation of this.#world.installations) {
      this.#running.push(this.#act(installation, this.#world.random.fork()));
    }
    this.#running.push(this.#changeMembers(this.#world.random.fork()));
    const [first] = this.#world.installations;
    if (first !== undefined) this.#running.push(this.#watch(first, this.#world.random.fork()));
  }

  /** Nothing new is begun; resolves when what was begun is done. Faults must be over, else it may never be. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    for (const installation of this.#world.installations) {
      installation.endpoint.offline = false;
      installation.endpoint.link?.readEvery(0);
      installation.connect();
    }
  }

  async #pause(random: SeededRandom, minMs: number, maxMs: number): Promise<void> {
    await sleep(this.#world.clock, random.between(minMs, maxMs));
  }

  async #act(installation: Installation, random: SeededRandom): Promise<void> {
    let count = 0;
    let last: { chatId: string; content: string; clientMessageId: string } | undefined;
    for (;;) {
      await this.#pause(random, 500, 40_000);
      if (this.#stopped) return;
      const { client } = installation;
      const known = client.chatIds;
      const chatId = random.pick(known.length > 0 && random.chance(0.9) ? known : this.#world.chatIds);
      const dice = random.float();
      if (dice < 0.06) this.#readHistory(installation, chatId);
      else if (dice < 0.14) this.#readWatermarks(installation);
      else if (dice < 0.16) client.startTyping(chatId);
      else if (dice < 0.2) await installation.reload();
      else if (dice < 0.24) {
        await installation.disconnect();
        await this.#pause(random, 1000, 90_000);
        installation.connect();
      } else if (dice < 0.29) {
        this.#world.faults.note("network_lost");
        installation.endpoint.offline = true;
        await this.#pause(random, 1000, 90_000);
        installation.endpoint.offline = false;
      } else if (dice < 0.33 && this.#roughness === "rough") {
        this.#world.faults.note("reader_slow");
        const { link } = installation.endpoint;
        link?.readEvery(random.chance(0.3) ? undefined : random.between(100, 3000));
        await this.#pause(random, 1000, 30_000);
        link?.readEvery(0);
      } else if (dice < 0.36 && last !== undefined) {
        client.send(last.chatId, last.content, { clientMessageId: last.clientMessageId });
      } else {
        for (let left = random.between(1, 8); left > 0 && client.unsent.length < waitingMax; left -= 1) {
          count += 1;
          const content = `${installation.options.name} says ${count} ${"at length ".repeat(random.pick([0, 0, 3, 100]))}`;
          const { clientMessageId } = client.send(chatId, content);
          last = { chatId, content, clientMessageId };
          if (random.chance(0.5)) await this.#pause(random, 0, 400);
        }
      }
    }
  }

  #readHistory({ client, userId }: Installation, chatId: string): void {
    const bounds = { direction: "backward", after: null, before: null } as const;
    this.#world.recorder
      .historyRead(userId, chatId, bounds, () => client.rest.history(chatId, { limit: 50 }))
      .catch(() => undefined);
  }

  /** Somebody with two devices looks again and again: late acks of one must not undo those of the other. */
  async #watch(installation: Installation, random: SeededRandom): Promise<void> {
    while (!this.#stopped) {
      await this.#pause(random, 1000, 5000);
      this.#readWatermarks(installation);
    }
  }

  #readWatermarks({ client, userId }: Installation): void {
    this.#world.recorder.watermarkReads(userId, () => client.rest.deliveryStates()).catch(() => undefined);
  }

  /** Owners remove members and add whoever is not in, one change after the other, each until it is certain. */
  async #changeMembers(random: SeededRandom): Promise<void> {
    for (;;) {
      await this.#pause(random, 5000, 60_000);
      if (this.#stopped) return;
      const chatId = random.pick(this.#world.chatIds);
      const { userId } = random.pick(this.#world.installations);
      await this.#changeMember(chatId, userId, random);
    }
  }

  /** The program that asks may be killed: then its call never ends. */
  async #giveUp(): Promise<never> {
    await sleep(this.#world.clock, attemptMaxMs);
    throw new Error(`no outcome within ${attemptMaxMs} ms`);
  }

  async #changeMember(chatId: string, userId: string, random: SeededRandom): Promise<void> {
    const { faults, installations, recorder } = this.#world;
    const certain = async <T>(attempt: () => Promise<T>): Promise<T | undefined> => {
      for (;;) {
        try {
          return await Promise.race([attempt(), this.#giveUp()]);
        } catch (error) {
          const { status } = error as { readonly status?: number };
          // Done already, by an attempt whose answer was lost.
          if (status !== undefined && status >= 400 && status < 500 && status !== 401 && status !== 429) {
            return undefined;
          }
          await this.#pause(random, 500, 5000);
        }
      }
    };
    const detail = await certain(async () => {
      const details = installations.map(({ client }) => client.rest.getChat(chatId));
      return await Promise.any(details);
    });
    const owner = installations.find(({ userId: id }) =>
      detail?.members.some(({ role, user_id }) => role === "owner" && user_id === id),
    );
    const member = detail?.members.find(({ user_id }) => user_id === userId);
    if (detail === undefined || owner === undefined || member?.role === "owner") return;
    if (member === undefined) {
      await recorder.membershipChange(chatId, userId, "joined", () =>
        certain(() => owner.client.rest.addMember(chatId, userId)),
      );
      faults.note("member_added");
    } else {
      await recorder.membershipChange(chatId, userId, "left", () =>
        certain(() => owner.client.rest.removeMember(chatId, userId)),
      );
      faults.note("member_removed");
    }
  }
}
