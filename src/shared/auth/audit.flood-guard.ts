/**
 * Bounds the security record: at most 100 lines a minute per (user, type) and 1000 per (address, type). The
 * first line over a bound is a marker, the rest is counted and summed up when the minute is over.
 */
import { type Clock, isoTime } from "../domain/clock.ts";
import type { Audit, AuditEvent } from "./audit.ts";

export const auditLinesPerUserMinute = 100;
export const auditLinesPerAddressMinute = 1000;
const windowMs = 60_000;
/** Actors watched at once; beyond it events pass unbounded rather than unrecorded. */
const windowsMax = 10_000;

interface Window {
  readonly sample: AuditEvent;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  count: number;
  suppressed: number;
}

export class AuditFloodGuard implements Audit {
  readonly #next: Audit;
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();

  constructor(next: Audit, clock: Clock) {
    this.#next = next;
    this.#clock = clock;
  }

  record(event: AuditEvent): void {
    const { userId, ipAddress } = event.actor;
    const byUser = userId === null ? undefined : this.#count(`user ${userId} ${event.type}`, event);
    const byAddress = ipAddress === null ? undefined : this.#count(`ip ${ipAddress} ${event.type}`, event);
    const over =
      overLimit(byUser, auditLinesPerUserMinute) ?? overLimit(byAddress, auditLinesPerAddressMinute);
    if (over === undefined) {
      this.#next.record(event);
      return;
    }
    if (over.suppressed === 0) this.#mark(over);
    over.suppressed += 1;
  }

  #count(key: string, event: AuditEvent): Window | undefined {
    const nowMs = this.#clock.nowMs();
    let window = this.#windows.get(key);
    if (window === undefined) {
      if (this.#windows.size >= windowsMax) return undefined;
      window = { sample: event, firstSeenMs: nowMs, lastSeenMs: nowMs, count: 0, suppressed: 0 };
      this.#windows.set(key, window);
      this.#clock.setTimer(windowMs, () => this.#close(key));
    }
    window.count += 1;
    window.lastSeenMs = nowMs;
    return window;
  }

  #close(key: string): void {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    if (window !== undefined && window.suppressed > 0) this.#summarize(window);
  }

  #mark(window: Window): void {
    this.#next.record({
      ...window.sample,
      type: "security.rate_limited",
      reason: "more_follow",
      details: { event_type: window.sample.type },
    });
  }

  #summarize(window: Window): void {
    this.#next.record({
      ...window.sample,
      type: "security.rate_limited",
      reason: "summary",
      details: {
        event_type: window.sample.type,
        count: window.suppressed,
        first_seen: isoTime(window.firstSeenMs),
        last_seen: isoTime(window.lastSeenMs),
      },
    });
  }
}

function overLimit(window: Window | undefined, limit: number): Window | undefined {
  return window !== undefined && window.count > limit ? window : undefined;
}
