/**
 * Deadlines of many connections on one timer: a binary heap by due time. Entries are lazy: when one falls due
 * its owner says when it is really due, so that a heartbeat moves a deadline without touching the heap.
 */
import type { Clock, Timer } from "../shared/domain/clock.ts";

/** Acts on what is due of `owner` and returns the next due time, or undefined when there is none. */
export type OnDeadline<Owner> = (owner: Owner, nowMs: number) => number | undefined;

interface Entry<Owner> {
  readonly dueMs: number;
  readonly owner: Owner;
}

export class Deadlines<Owner> {
  readonly #clock: Clock;
  readonly #onDeadline: OnDeadline<Owner>;
  readonly #heap: Entry<Owner>[] = [];
  #timer: Timer | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, onDeadline: OnDeadline<Owner>) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  /** Wakes the owner at `dueMs` on the clock's monotonic time, or as soon after as the timer allows. */
  add(dueMs: number, owner: Owner): void {
    this.#push({ dueMs, owner });
    this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#heap.length = 0;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = first.dueMs;
    this.#timer = this.#clock.setTimer(Math.max(0, first.dueMs - this.#clock.monotonicMs()), () =>
      this.#fire(),
    );
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    const again: Entry<Owner>[] = [];
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.dueMs > nowMs) break;
      this.#pop();
      const dueMs = this.#onDeadline(first.owner, nowMs);
      if (dueMs !== undefined) again.push({ dueMs: Math.max(dueMs, nowMs + 1), owner: first.owner });
    }
    for (const entry of again) this.#push(entry);
    this.#arm();
  }

  #push(entry: Entry<Owner>): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry<Owner>;
      if (above.dueMs <= entry.dueMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.dueMs < left.dueMs) child++;
      const below = heap[child] as Entry<Owner>;
      if (last.dueMs <= below.dueMs) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}
