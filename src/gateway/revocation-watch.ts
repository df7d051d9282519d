/**
 * Ends the sockets of ended sessions: at once when the news comes, and by re-reading every token every 60 s. While
 * the revocation store is down connections live on for a bounded grace (W-9).
 */

import type { Timer } from "../shared/domain/clock.ts";
import { closeCodes } from "../shared/protocol/close-codes.ts";
import type { UserRevoked } from "../shared/stores/revocation.ts";
import type { GatewayDeps } from "./gateway-deps.ts";
import type { Hub } from "./hub.ts";

type WatchDeps = Pick<GatewayDeps, "clock" | "logger" | "random" | "revocation" | "settings">;

const tokensPerCheckMax = 500;

export class RevocationWatch {
  readonly #deps: WatchDeps;
  readonly #hub: Hub;
  readonly #unsubscribe: () => void;
  #timer: Timer;
  #outageSinceMs: number | undefined;
  #closed = false;

  constructor(deps: WatchDeps, hub: Hub) {
    this.#deps = deps;
    this.#hub = hub;
    this.#unsubscribe = deps.revocation.subscribe((news) => this.#onNews(news));
    this.#timer = this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    this.#unsubscribe();
  }

  #schedule(): Timer {
    return this.#deps.clock.setTimer(this.#deps.settings.revocationCheckIntervalMs, () => {
      void this.#check().finally(() => {
        if (!this.#closed) this.#timer = this.#schedule();
      });
    });
  }

  #onNews({ userId, sessionIds }: UserRevoked): void {
    for (const connection of this.#hub.of(userId)) {
      if (sessionIds === null || sessionIds.includes(connection.init.sessionId)) {
        connection.close("session_revoked", 0);
      }
    }
  }

  async #check(): Promise<void> {
    const { clock, logger, random, revocation, settings } = this.#deps;
    const connections = [...this.#hub.all()];
    try {
      for (let from = 0; from < connections.length; from += tokensPerCheckMax) {
        const batch = connections.slice(from, from + tokensPerCheckMax);
        const revoked = await revocation.areRevoked(batch.map(({ init }) => init.tokenId));
        for (const [index, connection] of batch.entries()) {
          if (revoked[index] === true) connection.close("session_revoked", 0);
        }
      }
      this.#outageSinceMs = undefined;
    } catch (error) {
      const nowMs = clock.monotonicMs();
      this.#outageSinceMs ??= nowMs;
      logger.error("revocation_check_failed", { connections: connections.length, error });
      if (nowMs - this.#outageSinceMs < settings.revocationOutageGraceMs) return;
      for (const connection of connections) {
        connection.close(
          "server_shutdown",
          Math.round(random.float() * settings.reconnectDelayMaxMs),
          closeCodes.tryAgainLater,
        );
      }
    }
  }
}
