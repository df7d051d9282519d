/**
 * What ends a connection by time: silence, the token's expiry, the slow-consumer grace, the daily rotation; and
 * what keeps it findable: routing entries refreshed with its heartbeats. One heap of deadlines for all connections.
 */
import type { Connection } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { Hub } from "./hub.ts";
import { routeOf } from "./route.ts";

type LivenessDeps = Pick<GatewayDeps, "clock" | "logger" | "random" | "routing" | "presence" | "settings">;

const refreshIntervalMinMs = 1000;
const refreshBatchMax = 1000;

export class Liveness {
  readonly #deps: LivenessDeps;
  readonly #hub: Hub;
  readonly #deadlines: Deadlines<Connection>;
  #refreshing = new Set<Connection>();
  #refreshPending = false;

  constructor(deps: LivenessDeps, hub: Hub) {
    this.#deps = deps;
    this.#hub = hub;
    this.#deadlines = new Deadlines(deps.clock, (connection, nowMs) => this.#due(connection, nowMs));
  }

  opened(connection: Connection): void {
    this.watch(connection, this.#dueAt(connection));
  }

  /** Wakes up for this connection at `dueMs` (monotonic), if it lives then. */
  watch(connection: Connection, dueMs: number): void {
    this.#deadlines.add(dueMs, connection);
  }

  heartbeat(connection: Connection): void {
    const nowMs = this.#deps.clock.monotonicMs();
    connection.lastHeartbeatMs = nowMs;
    if (nowMs - connection.lastRouteRefreshMs < refreshIntervalMinMs) return;
    connection.lastRouteRefreshMs = nowMs;
    this.#refreshing.add(connection);
    if (this.#refreshPending) return;
    this.#refreshPending = true;
    this.#deps.clock.setTimer(0, () => {
      this.#refreshPending = false;
      const connections = this.#refreshing;
      this.#refreshing = new Set();
      void this.#refresh([...connections]);
    });
  }

  close(): void {
    this.#deadlines.close();
  }

  #dueAt(connection: Connection): number {
    const { clock, settings } = this.#deps;
    const { init, lastHeartbeatMs, graceEndsAtMs } = connection;
    return Math.min(
      lastHeartbeatMs + settings.idleTimeoutMs,
      // Tokens end on the wall clock; should it jump, the next look at the connection finds out.
      clock.monotonicMs() + init.tokenExpiresAtMs - clock.nowMs(),
      init.rotateAtMs,
      graceEndsAtMs ?? Number.POSITIVE_INFINITY,
    );
  }

  #due(connection: Connection, nowMs: number): number | undefined {
    if (connection.closed) return undefined;
    const { init, settings } = { init: connection.init, settings: this.#deps.settings };
    if (init.tokenExpiresAtMs <= this.#deps.clock.nowMs()) connection.close("token_expired", 0);
    else if (connection.lastHeartbeatMs + settings.idleTimeoutMs <= nowMs)
      connection.close("idle_timeout", 0);
    else if (connection.graceEndsAtMs !== undefined && connection.graceEndsAtMs <= nowMs)
      this.#endGrace(connection);
    else if (init.rotateAtMs <= nowMs) connection.close("server_shutdown", 0);
    return connection.closed ? undefined : this.#dueAt(connection);
  }

  /** Still slow, or with a hole: closed. Recovered: normal again. */
  #endGrace(connection: Connection): void {
    const outbox = connection.outbox;
    const { warningPercent } = this.#deps.settings.outbox;
    if (outbox !== undefined && (outbox.overflowed || outbox.fillPercent >= warningPercent)) {
      this.#deps.logger.info("slow_consumer_closed", {
        connection_id: connection.init.connectionId,
        messages: outbox.messages,
        bytes: outbox.bytes,
      });
      connection.close("slow_consumer", 0);
    } else connection.graceEndsAtMs = undefined;
  }

  async #refresh(connections: readonly Connection[]): Promise<void> {
    const { logger, presence, routing, settings } = this.#deps;
    for (let from = 0; from < connections.length; from += refreshBatchMax) {
      const batch = connections
        .slice(from, from + refreshBatchMax)
        .filter((connection) => !connection.closed);
      try {
        const states = await routing.refresh(batch.map(({ init }) => routeOf(init, settings.serverId)));
        for (const [index, connection] of batch.entries()) {
          // A lost close command must not leave two connections of one device alive.
          if (states[index]?.superseded === true) connection.close("duplicate_connection", 0);
        }
        await presence.refresh(batch.map(({ init }) => init.userId));
      } catch (error) {
        logger.warn("route_refresh_failed", { count: batch.length, connections: this.#hub.size, error });
      }
    }
  }
}
