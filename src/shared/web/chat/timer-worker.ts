/** Runs the timers of `worker-clock.ts`: browsers slow down those of a page in the background, not these. */
import { platformClock } from "../../client/platform.ts";
import type { Timer } from "../../client/ports.ts";
import type { TimerOrder } from "./worker-clock.ts";

const running = new Map<number, Timer>();

addEventListener("message", ({ data: { id, delayMs } }: MessageEvent<TimerOrder>) => {
  running.get(id)?.cancel();
  running.delete(id);
  if (delayMs === undefined) return;
  const due = (): void => {
    running.delete(id);
    postMessage(id);
  };
  running.set(id, platformClock.setTimer(delayMs, due));
});
