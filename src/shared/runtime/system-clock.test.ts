/**
 * Goal: real timers fire in order, not early, can be cancelled, and never hold a process.
 * Method: wait on the timers themselves; a child process shows that it exits with a timer pending.
 */
import { describe, expect, test } from "bun:test";
import { sleep } from "../domain/clock.ts";
import { systemClock } from "./system-clock.ts";

describe("systemClock", () => {
  test("a timer fires once, not before its delay", async () => {
    const startMs = systemClock.monotonicMs();
    let fired = 0;
    await new Promise<void>((resolve) => {
      systemClock.setTimer(20.4, () => {
        fired += 1;
        resolve();
      });
    });
    // The runtime's timers and its monotonic clock differ by up to a millisecond.
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThanOrEqual(19.4);
    expect(fired).toBe(1);
  });

  test("a delay of 0 fires after the current turn", async () => {
    const order: string[] = [];
    const fired = new Promise<void>((resolve) => {
      systemClock.setTimer(0, () => {
        order.push("timer");
        resolve();
      });
    });
    order.push("turn");
    await Promise.resolve();
    order.push("microtask");
    await fired;
    expect(order).toEqual(["turn", "microtask", "timer"]);
  });

  test("a cancelled timer does not fire, cancelling twice does nothing", async () => {
    let fired = false;
    for (const delayMs of [0, 1]) {
      const timer = systemClock.setTimer(delayMs, () => {
        fired = true;
      });
      timer.cancel();
      timer.cancel();
    }
    await sleep(systemClock, 5);
    expect(fired).toBe(false);
  });

  test("a delay beyond the runtime's limit does not fire at once", async () => {
    let fired = false;
    const timer = systemClock.setTimer(2 ** 31 + 5, () => {
      fired = true;
    });
    await sleep(systemClock, 5);
    timer.cancel();
    expect(fired).toBe(false);
  });

  test("a delay that is no number is refused", () => {
    expect(() => systemClock.setTimer(Number.NaN, () => undefined)).toThrow(RangeError);
  });

  test("a pending timer does not keep a process alive", async () => {
    const module = Bun.fileURLToPath(new URL("./system-clock.ts", import.meta.url));
    const script = `import { systemClock } from ${JSON.stringify(module)}; systemClock.setTimer(3_600_000, () => {});`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "ignore", stderr: "inherit" });
    expect(await child.exited).toBe(0);
  });
});
