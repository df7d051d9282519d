/**
 * SIGTERM and SIGINT: the first drains and exits 0, a second exits 130 at once. A terminal's Ctrl-C reaches the
 * process twice when a package manager stands in between, so signals within a second count as one.
 */
import type { Clock } from "../domain/clock.ts";

export interface SignalledProcess {
  on(signal: "SIGTERM" | "SIGINT", listener: () => void): unknown;
  exit(code: number): void;
}

export interface StopOptions {
  readonly clock: Clock;
  readonly process: SignalledProcess;
  readonly stop: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

const sameSignalMs = 1000;

export function stopOnSignals(options: StopOptions): void {
  let firstAtMs: number | undefined;
  const onSignal = (): void => {
    const nowMs = options.clock.monotonicMs();
    if (firstAtMs !== undefined) {
      if (nowMs - firstAtMs >= sameSignalMs) options.process.exit(130);
      return;
    }
    firstAtMs = nowMs;
    options.stop().then(
      () => options.process.exit(0),
      (error: unknown) => {
        options.onFailed(error);
        options.process.exit(1);
      },
    );
  };
  options.process.on("SIGTERM", onSignal);
  options.process.on("SIGINT", onSignal);
}
