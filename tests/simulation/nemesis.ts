/** What goes wrong with the server, its disk, its clock and the network: one seeded disaster after the other. */
import { sleep } from "../../src/shared/domain/clock.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedLink } from "./simulated-link.ts";
import { fineNetwork } from "./simulated-network.ts";
import { fineDisk } from "./simulated-storage.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** `plain`: what breaks breaks at once, so that the checker can hold the server to its times. */
export type Roughness = "rough" | "plain";

export class Nemesis {
  readonly #world: SimulatedWorld;
  readonly #random: SeededRandom;
  readonly #roughness: Roughness;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(world: SimulatedWorld, roughness: Roughness) {
    this.#world = world;
    this.#roughness = roughness;
    this.#random = world.random.fork();
  }

  start(): void {
    this.#world.network.weather.restLoss = 0.03;
    this.#running = this.#run();
  }

  /** Everything is mended when it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const { network, process } = this.#world;
    Object.assign(network.weather, fineNetwork());
    Object.assign(process.disk, fineDisk());
    if (process.wallOffsetMs !== 0) process.jumpWallClock(-process.wallOffsetMs);
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#pause(3000, 45_000);
      if (this.#stopped) return;
      const plain = [
        () => this.#kill(),
        () => this.#kill(),
        () => this.#drain(),
        () => this.#fullDisk(),
        () => this.#wrongClock(),
        () => this.#badLinks(),
        () => this.#badLinks(),
      ];
      const rough = [() => this.#slowDisk(), () => this.#slowNetwork()];
      await this.#random.pick(this.#roughness === "plain" ? plain : [...plain, ...rough])();
    }
  }

  #pause(minMs: number, maxMs: number): Promise<void> {
    return sleep(this.#world.clock, this.#random.between(minMs, maxMs));
  }

  async #kill(): Promise<void> {
    const { process, recorder } = this.#world;
    // Most kills come while the store writes: those are the ones that lose commits.
    for (let tries = 0; tries < 2000 && !process.storeWriting; tries += 1) await this.#pause(1, 12);
    process.kill();
    recorder.processKilled("standalone");
    await this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    const { process, recorder } = this.#world;
    await this.#pause(50, 12_000);
    const started = process.start();
    if (this.#random.chance(0.15)) {
      // Killed again while it starts.
      await this.#pause(0, 10);
      process.kill();
      await this.#pause(50, 2000);
      await process.start();
    } else await started;
    recorder.processStarted("standalone");
  }

  async #drain(): Promise<void> {
    const { process, recorder } = this.#world;
    await process.drain();
    recorder.processKilled("standalone");
    await this.#startAgain();
  }

  async #fullDisk(): Promise<void> {
    const { disk } = this.#world.process;
    disk.full = true;
    await this.#pause(500, 12_000);
    disk.full = false;
  }

  async #slowDisk(): Promise<void> {
    const { faults, process } = this.#world;
    faults.note("store_slow");
    process.disk.batchMs = { min: 20, max: this.#random.pick([400, 2000, 7000]) };
    await this.#pause(1000, 20_000);
    Object.assign(process.disk, fineDisk());
  }

  /** A correction by a minute or by hours, back again later. */
  async #wrongClock(): Promise<void> {
    const range = this.#random.pick([60_000, 2 * 3_600_000]);
    const byMs = this.#random.between(-range, range);
    this.#world.process.jumpWallClock(byMs);
    await this.#pause(1000, 60_000);
    this.#world.process.jumpWallClock(-byMs);
  }

  async #badLinks(): Promise<void> {
    const { faults, network } = this.#world;
    const kinds: (readonly [
      "link_reset" | "link_half_open" | "link_black_hole" | "link_stalled",
      (link: SimulatedLink) => void,
    ])[] = [
      ["link_reset", (link) => link.reset()],
      ["link_half_open", (link) => link.halfOpen()],
      ["link_black_hole", (link) => link.blackHole()],
      ["link_stalled", (link) => link.stall(this.#random.between(100, 20_000))],
    ];
    const [kind, breakLink] = this.#random.pick(this.#roughness === "plain" ? kinds.slice(0, 2) : kinds);
    const share = this.#random.pick([0.15, 0.5, 1]);
    for (const link of network.links) {
      if (!this.#random.chance(share)) continue;
      faults.note(kind);
      breakLink(link);
    }
    await this.#pause(0, 1000);
  }

  async #slowNetwork(): Promise<void> {
    const { weather } = this.#world.network;
    Object.assign(weather, { latencyMs: { min: 50, max: this.#random.pick([300, 1500]) }, restLoss: 0.15 });
    await this.#pause(1000, 20_000);
    Object.assign(weather, { ...fineNetwork(), restLoss: 0.03 });
  }
}
