/** A clock that stands still until a test moves it: hours of timers in milliseconds, every run the same. */
import type { Clock, Timer } from "../../src/shared/domain/clock.ts";

/** A timer that sets itself again without delay would fire for ever; this many at one instant are a mistake. */
const timersPerInstantMax = 1_000_000;

/** 2026-01-31T10:00:00.000Z */
const defaultStartMs = 1_769_853_600_000;

interface VirtualTimer {
  readonly dueMs: number;
  /** Timers due at one instant fire in the order they were set. */
  readonly order: number;
  callback: (() => void) | undefined;
}

/**
 * Timers fire one at a time in the order of their due time, then in the order they were set. Before the first,
 * after each and at the end all microtasks and one real turn of the event loop (setImmediate) pass, so that code
 * that awaits promises runs as it would between real timers. What a callback throws, `advance` rejects with.
 * Wall time and monotonic time move together, unless `jumpWallTime` parts them.
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #wallOffsetMs: number;
  #order = 0;
  #moving = false;
  readonly #heap: VirtualTimer[] = [];

  constructor(startMs: number = defaultStartMs) {
    this.#wallOffsetMs = startMs;
  }

  nowMs(): number {
    return this.#wallOffsetMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError("a timer's delay is NaN, a number of ms is needed");
    const dueMs = this.#elapsedMs + Math.max(0, Math.ceil(delayMs));
    const timer: VirtualTimer = { dueMs, order: this.#order++, callback };
    push(this.#heap, timer);
    return {
      cancel: () => {
        timer.callback = undefined;
      },
    };
  }

  /** Timers that are set and neither fired nor cancelled. */
  get pendingTimers(): number {
    return this.#heap.reduce((count, timer) => count + (timer.callback === undefined ? 0 : 1), 0);
  }

  /** Moves wall time alone, as a correction of the system's clock would. */
  jumpWallTime(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Moves time forward by `ms` and fires everything that falls due, also what callbacks set meanwhile. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`cannot advance by ${ms} ms, 0 or more is needed`);
    await this.#move(this.#elapsedMs + ms, () => false);
  }

  /**
   * Moves time forward, timer by timer, until the condition holds; looks before the first and after each.
   * @throws {Error} the condition does not hold within `maxMs` of virtual time
   */
  async runUntil(condition: () => boolean, maxMs: number): Promise<void> {
    if (await this.#move(this.#elapsedMs + maxMs, condition)) return;
    throw new Error(
      `the condition did not hold within ${maxMs} ms of virtual time, ${this.pendingTimers} timers are pending`,
    );
  }

  /** Lets everything that waits for no timer run: microtasks and one turn of the event loop. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async #move(targetMs: number, done: () => boolean): Promise<boolean> {
    if (this.#moving) throw new Error("the clock is moving already: await the earlier advance or runUntil");
    this.#moving = true;
    try {
      await this.settle();
      let firedNow = 0;
      while (!done()) {
        const timer = takeDue(this.#heap, targetMs);
        if (timer === undefined) {
          this.#elapsedMs = targetMs;
          await this.settle();
          // What ran in that turn may have set a timer that is due now.
          if (hasDue(this.#heap, targetMs)) continue;
          return done();
        }
        firedNow = timer.dueMs > this.#elapsedMs ? 0 : firedNow + 1;
        if (firedNow > timersPerInstantMax) {
          throw new Error(`more than ${timersPerInstantMax} timers fired at ${this.#elapsedMs} ms`);
        }
        this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
        timer.callback?.();
        await this.settle();
      }
      return true;
    } finally {
      this.#moving = false;
    }
  }
}

function isBefore(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** Cancelled timers leave the heap when they reach its top. */
function hasDue(heap: VirtualTimer[], targetMs: number): boolean {
  while (heap[0] !== undefined && heap[0].callback === undefined) pop(heap);
  return heap[0] !== undefined && heap[0].dueMs <= targetMs;
}

function takeDue(
  heap: VirtualTimer[],
  targetMs: number,
): { dueMs: number; callback: () => void } | undefined {
  if (!hasDue(heap, targetMs)) return undefined;
  const timer = pop(heap);
  const callback = timer?.callback;
  if (timer === undefined || callback === undefined) return undefined;
  timer.callback = undefined;
  return { dueMs: timer.dueMs, callback };
}

function push(heap: VirtualTimer[], timer: VirtualTimer): void {
  let index = heap.length;
  heap.push(timer);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as VirtualTimer;
    if (!isBefore(timer, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = timer;
}

function pop(heap: VirtualTimer[]): VirtualTimer | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right !== undefined && isBefore(right, heap[child] as VirtualTimer)) child += 1;
    if (!isBefore(heap[child] as VirtualTimer, last)) break;
    heap[index] = heap[child] as VirtualTimer;
    index = child;
  }
  heap[index] = last;
  return top;
}
