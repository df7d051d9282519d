/**
 * One whole simulation from a seed:
 * 1. Users and groups are seeded, the server starts, everybody connects; some users have a second device.
 * 2. Everyday life and disasters, side by side, for the given virtual time.
 * 3. Everything is mended, everybody catches up, the history is judged against the store.
 */
import type { CheckResult } from "../checker/check-history.ts";
import { EverydayLife } from "./everyday-life.ts";
import type { FaultCounts } from "./fault-counts.ts";
import { Nemesis } from "./nemesis.ts";
import { SimulatedWorld } from "./simulated-world.ts";

export interface SimulationResult {
  readonly check: CheckResult;
  readonly hash: string;
  readonly faults: FaultCounts;
  readonly topicPublishes: number;
  readonly dropped: number;
  readonly internalErrors: readonly string[];
  /** Codes of sends that were given up. */
  readonly failedSends: readonly string[];
}

const mendMaxMs = 30 * 60_000;

export async function simulate(seed: number, virtualMinutes: number): Promise<SimulationResult> {
  await using world = new SimulatedWorld({
    seed,
    environment: {
      AUTH_ACCESS_TOKEN_TTL_SECONDS: "600",
      LIMITS_OTP_PER_PHONE: "1000",
      LIMITS_OTP_PER_IP: "1000",
    },
  });
  const { random } = world;
  const users = random.between(4, 9);
  const seeded = await world.seedUsers({ users, chats: 3, members: random.between(2, users) });
  await world.startProcess();
  world.recorder.processStarted("standalone");
  await world.enter(seeded, (index) => ({
    limitSends: index % 3 !== 0,
    sendsInFlightPerChat: index % 2 === 0 ? 1 : 4,
  }));
  for (const [index, user] of seeded.slice(0, 2).entries()) {
    const second = world.addInstallation({
      name: `client_${index + 1}_phone`,
      address: `10.0.1.${index + 1}`,
      phoneNumber: user.phone_number,
      limitSends: true,
      sendsInFlightPerChat: 1,
    });
    await world.drive(second.startWithLogin(user.user_id), 60_000);
    second.connect();
  }
  const life = new EverydayLife(world);
  const nemesis = new Nemesis(world);
  life.start();
  nemesis.start();
  await world.clock.advance(virtualMinutes * 60_000);
  await world.drive(nemesis.stop(), mendMaxMs);
  await world.drive(life.stop(), mendMaxMs);
  await world.settle();
  const check = world.check({});
  return {
    check,
    hash: world.hash(),
    faults: world.faults,
    topicPublishes: world.process.topicPublishes,
    dropped: world.network.dropped.length,
    internalErrors: world.process.internalErrors,
    failedSends: world.installations.flatMap(({ failedSends }) => failedSends.map(({ code }) => code)),
  };
}
