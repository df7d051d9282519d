/**
 * What a connection could not take yet: one bounded FIFO of pushes and pages, and a small lane for control
 * frames that goes first. The runtime's own buffer is never the queue. Levels and the slow-consumer rule are
 * those of the failure contract, section 4.
 */
import type { OutboxSettings } from "./gateway-deps.ts";

export type OutboxLevel = "normal" | "warning" | "critical";

interface Waiting {
  readonly frame: string;
  readonly bytes: number;
}

/** Bytes waiting in all outboxes of the process. */
export interface OutboxTotal {
  bytes: number;
}

/** Twice the requests that may be in flight, and room for notices. */
const controlFramesMax = 256;

export class Outbox {
  readonly #settings: OutboxSettings;
  readonly #total: OutboxTotal;
  #waiting: Waiting[] = [];
  /** Index of the first frame not yet taken; the array is compacted now and then. */
  #head = 0;
  #bytes = 0;
  #control: Waiting[] = [];
  /** A push was refused: the connection has a hole and must be closed. */
  overflowed = false;

  constructor(settings: OutboxSettings, total: OutboxTotal) {
    this.#settings = settings;
    this.#total = total;
  }

  get messages(): number {
    return this.#waiting.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.messages === 0 && this.#control.length === 0;
  }

  /** @returns false when a bound is reached: the frame is refused and the connection doomed */
  push(frame: string, bytes: number): boolean {
    if (this.messages >= this.#settings.messagesMax || this.#bytes + bytes > this.#settings.bytesMax) {
      this.overflowed = true;
      return false;
    }
    this.#waiting.push({ frame, bytes });
    this.#bytes += bytes;
    this.#total.bytes += bytes;
    return true;
  }

  /** The control lane. Its answers are bounded by the requests in flight; a flood of heartbeats dooms the connection. */
  pushControl(frame: string, bytes: number): void {
    if (this.#control.length >= controlFramesMax) {
      this.overflowed = true;
      return;
    }
    this.#control.push({ frame, bytes });
    this.#total.bytes += bytes;
  }

  /** Takes frames up to `bytesMax`, at least one: control frames first, then in order. */
  take(bytesMax: number): readonly string[] {
    const frames: string[] = [];
    let bytes = 0;
    const fits = (next: Waiting): boolean => frames.length === 0 || bytes + next.bytes <= bytesMax;
    while (this.#control[0] !== undefined && fits(this.#control[0])) {
      const next = this.#control.shift() as Waiting;
      frames.push(next.frame);
      bytes += next.bytes;
      this.#total.bytes -= next.bytes;
    }
    for (;;) {
      const next = this.#waiting[this.#head];
      if (next === undefined || !fits(next)) break;
      this.#head++;
      frames.push(next.frame);
      bytes += next.bytes;
      this.#bytes -= next.bytes;
      this.#total.bytes -= next.bytes;
    }
    if (this.#head > 256 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return frames;
  }

  /** Takes the control lane alone, for a last word; a few hundred bytes each. */
  takeControl(): readonly string[] {
    const waiting = this.#control;
    this.#control = [];
    for (const { bytes } of waiting) this.#total.bytes -= bytes;
    return waiting.map(({ frame }) => frame);
  }

  /** Fill in percent of the fuller bound. */
  get fillPercent(): number {
    const { messagesMax, bytesMax } = this.#settings;
    return Math.max(this.messages / messagesMax, this.#bytes / bytesMax) * 100;
  }

  get level(): OutboxLevel {
    const fill = this.fillPercent;
    if (fill > this.#settings.criticalPercent) return "critical";
    return fill > this.#settings.warningPercent ? "warning" : "normal";
  }

  /** True when the byte bound is the fuller one. */
  get fullerInBytes(): boolean {
    return this.#bytes / this.#settings.bytesMax > this.messages / this.#settings.messagesMax;
  }

  clear(): void {
    this.#total.bytes -= this.#bytes;
    for (const { bytes } of this.#control) this.#total.bytes -= bytes;
    this.#waiting = [];
    this.#control = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
