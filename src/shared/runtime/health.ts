/**
 * Health as probes and people read it: `/health` says whether the process does its work, `/ready` whether it can
 * take new work, `/health/live` whether its loop turns. Only names and up or down, never hosts or error texts.
 */
import { type Clock, isoTime } from "../domain/clock.ts";

export type DependencyName = "dynamodb" | "kafka" | "redis" | "ingest" | "keys" | "sqlite";
export type HealthStatus = "healthy" | "degraded" | "starting" | "draining" | "unhealthy";

export interface Dependency {
  readonly name: DependencyName;
  /** New work is impossible without it. */
  readonly neededForNewWork: boolean;
  /** Never longer than 500 ms; a rejection counts as down. */
  readonly probe: () => Promise<boolean>;
}

export interface HealthBody {
  readonly status: HealthStatus;
  readonly timestamp: string;
  readonly service: string;
  readonly version: string;
  readonly dependencies: Readonly<
    Partial<Record<DependencyName, { readonly status: "up" | "down"; readonly checked_at: string }>>
  >;
}

export interface HealthOptions {
  readonly clock: Clock;
  readonly service: string;
  readonly version: string;
  readonly dependencies: readonly Dependency[];
  /** Makes `/health` as strict as `/ready`. */
  readonly failOnDependency: boolean;
}

const probeTimeoutMs = 500;
const cachedMs = 2000;

interface Checked {
  readonly up: boolean;
  readonly atMs: number;
}

export class Health {
  readonly #options: HealthOptions;
  readonly #checked = new Map<DependencyName, Checked>();
  phase: "starting" | "running" | "draining" = "starting";

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** @returns the body and 200 or 503 */
  async health(): Promise<{ readonly status: 200 | 503; readonly body: HealthBody }> {
    const body = await this.#body();
    const working =
      this.phase === "running" &&
      (!this.#options.failOnDependency || body.status === "healthy" || !this.#missing());
    return { status: working ? 200 : 503, body };
  }

  async ready(): Promise<{ readonly status: 200 | 503; readonly body: HealthBody }> {
    const body = await this.#body();
    return { status: this.phase === "running" && !this.#missing() ? 200 : 503, body };
  }

  /** Asks no dependency. */
  live(): { readonly status: 200; readonly body: HealthBody } {
    return { status: 200, body: this.#bodyNow() };
  }

  async #body(): Promise<HealthBody> {
    const { clock, dependencies } = this.#options;
    await Promise.all(
      dependencies.map(async (dependency) => {
        const known = this.#checked.get(dependency.name);
        if (known !== undefined && clock.nowMs() - known.atMs < cachedMs) return;
        const up = await this.#probe(dependency);
        this.#checked.set(dependency.name, { up, atMs: clock.nowMs() });
      }),
    );
    return this.#bodyNow();
  }

  #probe(dependency: Dependency): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(probeTimeoutMs, () => resolve(false));
      void dependency
        .probe()
        .catch(() => false)
        .then((up) => {
          timer.cancel();
          resolve(up);
        });
    });
  }

  #missing(): boolean {
    return this.#options.dependencies.some(
      ({ name, neededForNewWork }) => neededForNewWork && this.#checked.get(name)?.up === false,
    );
  }

  #bodyNow(): HealthBody {
    const { clock, service, version } = this.#options;
    const someDown = [...this.#checked.values()].some(({ up }) => !up);
    return {
      status: this.phase === "running" ? (someDown ? "degraded" : "healthy") : this.phase,
      timestamp: isoTime(clock.nowMs()),
      service,
      version,
      dependencies: Object.fromEntries(
        [...this.#checked].map(([name, { up, atMs }]) => [
          name,
          { status: up ? "up" : "down", checked_at: isoTime(atMs) } as const,
        ]),
      ),
    };
  }
}
