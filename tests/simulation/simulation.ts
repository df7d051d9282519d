/**
 * One whole simulation from a seed:
 * 1. Users and groups are seeded, the server starts, everybody connects; some users have a second device.
 * 2. Everyday life and disasters, side by side, for the given virtual time.
 * 3. Everything is mended, everybody catches up, the history is judged against the store.
 */
import type { CheckResult } from "../checker/check-history.ts";
import { EverydayLife } from "./everyday-life.ts";
import type { FaultCounts } from "./fault-counts.ts";
import { Nemesis, type Roughness } from "./nemesis.ts";
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

/** Stalled links and slow readers make what the server did in time arrive as late as this. */
const lateMs = 60_000;
const mendMaxMs = 30 * 60_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly virtualMinutes: number;
  readonly roughness: Roughness;
  /** Chats with so many members that they are pushed by topic. */
  readonly crowded: boolean;
}

/** Odd seeds are rough, even ones plain; every fifth is crowded. */
export function optionsOf(seed: number, virtualMinutes: number): SimulationOptions {
  return {
    seed,
    // A crowd makes as much happen in a third of the time.
    virtualMinutes: seed % 5 === 0 ? virtualMinutes / 3 : virtualMinutes,
    roughness: seed % 2 === 1 ? "rough" : "plain",
    crowded: seed % 5 === 0,
  };
}

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, virtualMinutes, roughness, crowded } = options;
  await using world = new SimulatedWorld({
    seed,
    environment: {
      AUTH_ACCESS_TOKEN_TTL_SECONDS: "600",
      LIMITS_OTP_PER_PHONE: "1000",
      LIMITS_OTP_PER_IP: "1000",
      // So small that a slow reader meets it.
      GATEWAY_BACKPRESSURE_OUTBOUND_MAX_BUFFER_MESSAGES: "15",
    },
  });
  const { random } = world;
  // Small windows make the server's own buffers fill; crowds make chats go by topic.
  if (roughness === "rough") world.network.receiveWindowBytes = random.pick([1000, 8000, 64_000]);
  const users = crowded ? random.between(17, 20) : random.between(3, 7);
  const members = crowded ? users : random.between(2, users);
  const seeded = await world.seedUsers({ users, chats: crowded ? 2 : 3, members });
  await world.startProcess();
  world.recorder.processStarted("standalone");
  await world.enter(seeded, (index) => ({
    limitSends: index % 3 !== 0,
    sendsInFlightPerChat: index % 2 === 0 ? 1 : 4,
    clockErrorMs: undefined,
  }));
  for (const [index, user] of seeded.slice(0, 2).entries()) {
    const second = world.addInstallation({
      name: `client_${index + 1}_phone`,
      address: `10.0.1.${index + 1}`,
      phoneNumber: user.phone_number,
      limitSends: true,
      sendsInFlightPerChat: 1,
      clockErrorMs: undefined,
    });
    await world.drive(second.startWithLogin(user.user_id), 60_000);
    second.connect();
  }
  const life = new EverydayLife(world, roughness);
  const nemesis = new Nemesis(world, roughness);
  life.start();
  nemesis.start();
  await world.clock.advance(virtualMinutes * 60_000);
  await world.drive(nemesis.stop(), mendMaxMs);
  await world.drive(life.stop(), mendMaxMs);
  await world.settle();
  const check = world.check(roughness === "rough" ? { memberGraceMs: lateMs, answerTimeoutMs: lateMs } : {});
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
