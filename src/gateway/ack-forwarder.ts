/**
 * Watermarks on their way to the durability plane: one-way, never answered, outside the request queue. Those of
 * one turn share a call; of one user and chat only the highest goes. While a call is under way the next collects.
 */

import type { Connection } from "./connection.ts";
import type { GatewayDeps } from "./gateway-deps.ts";

interface PendingAck {
  readonly connection: Connection;
  readonly chatId: string;
  readonly sequence: number;
}

const acksPerCallMax = 500;
/** Acks waiting at most; more are dropped: the client repeats its watermark. */
const acksWaitingMax = 100_000;

export class AckForwarder {
  readonly #deps: Pick<GatewayDeps, "clock" | "ingest" | "logger" | "settings">;
  #waiting = new Map<string, PendingAck>();
  #busy = false;
  #scheduled = false;
  #whenQuiet: (() => void)[] = [];

  constructor(deps: Pick<GatewayDeps, "clock" | "ingest" | "logger" | "settings">) {
    this.#deps = deps;
  }

  add(connection: Connection, chatId: string, sequence: number): void {
    const key = `${connection.init.userId}/${chatId}`;
    const known = this.#waiting.get(key);
    if (known !== undefined && known.sequence >= sequence) return;
    if (known === undefined && this.#waiting.size >= acksWaitingMax) return;
    this.#waiting.set(key, { connection, chatId, sequence });
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    this.#deps.clock.setTimer(0, () => {
      this.#scheduled = false;
      void this.#forward();
    });
  }

  /** Resolves when nothing waits. */
  quiet(): Promise<void> {
    if (!this.#busy && this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  async #forward(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (this.#waiting.size > 0) {
      const acks: PendingAck[] = [];
      for (const [key, ack] of this.#waiting) {
        if (acks.length === acksPerCallMax) break;
        acks.push(ack);
        this.#waiting.delete(key);
      }
      try {
        await this.#deps.ingest.ackDelivery(
          {
            items: acks.map(({ connection, chatId, sequence }) => ({
              chatId,
              userId: connection.init.userId,
              lastAckedSequence: BigInt(sequence),
              accessToken: connection.init.accessToken,
            })),
          },
          { timeoutMs: this.#deps.settings.persistTimeoutMs },
        );
      } catch (error) {
        this.#deps.logger.debug("acks_lost", { count: acks.length, error });
      }
    }
    this.#busy = false;
    for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }
}
