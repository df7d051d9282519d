/**
 * The gateway's orderly end (failure contract, section 10): announce to all with spread delays, finish what is in
 * hand, close as clients leave, close the rest at the time limit.
 */
import { sleep } from "../shared/domain/clock.ts";
import type { AckForwarder } from "./ack-forwarder.ts";
import type { Connection } from "./connection.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { Hub } from "./hub.ts";
import type { SendCoalescer } from "./send-coalescer.ts";

/** Connections told per step, so that neither we nor the clients do everything in one turn. */
const connectionsPerStep = 500;
const stepMs = 20;
/** Clients flush their acks before they leave. */
const farewellMs = 5000;

export async function drainGateway(
  deps: Pick<GatewayDeps, "clock" | "logger" | "random" | "settings">,
  hub: Hub,
  coalescer: SendCoalescer,
  acks: AckForwarder,
): Promise<void> {
  const { clock, logger, random, settings } = deps;
  const endsAtMs = clock.monotonicMs() + settings.drainTimeoutMs;
  const connections = [...hub.all()];
  logger.info("drain_started", { connections: connections.length });
  await atMost(deps, endsAtMs, coalescer.quiet());
  for (let from = 0; from < connections.length; from += connectionsPerStep) {
    for (const connection of connections.slice(from, from + connectionsPerStep)) {
      connection.announce("server_shutdown", Math.round(random.float() * settings.reconnectDelayMaxMs));
    }
    await sleep(clock, stepMs);
  }
  while (
    hub.size > 0 &&
    clock.monotonicMs() < Math.min(endsAtMs, endsAtMs - settings.drainTimeoutMs + farewellMs)
  ) {
    await sleep(clock, stepMs);
  }
  await atMost(deps, endsAtMs, acks.quiet());
  closeAll(hub.all());
  logger.info("drain_finished", { left: hub.size });
}

function closeAll(connections: Iterable<Connection>): void {
  for (const connection of [...connections]) connection.close("server_shutdown", 0);
}

async function atMost(
  { clock }: Pick<GatewayDeps, "clock">,
  endsAtMs: number,
  work: Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  await Promise.race([
    work,
    sleep(clock, Math.max(0, endsAtMs - clock.monotonicMs()), controller.signal).catch(() => undefined),
  ]);
  controller.abort();
}
