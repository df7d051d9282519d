/** Counts what really happened: a run without faults proves nothing about faults. */
export const faultPoints = [
  "process_killed",
  "process_killed_writing",
  "commit_lost",
  "commit_unanswered",
  "process_drained",
  "store_full",
  "store_slow",
  "wall_clock_jumped",
  "link_reset",
  "link_half_open",
  "link_black_hole",
  "link_stalled",
  "reader_slow",
  "server_blocked_by_reader",
  "connect_refused",
  "upgrade_refused",
  "rest_request_lost",
  "rest_answer_lost",
  "frames_lost_with_server",
  "closed_idle_timeout",
  "closed_token_expired",
  "closed_slow_consumer",
  "closed_duplicate_connection",
  "closed_server_shutdown",
  "client_killed",
  "client_disconnected",
  "network_lost",
  "login_again",
  "member_removed",
  "member_added",
] as const;

export type FaultPoint = (typeof faultPoints)[number];

export class FaultCounts {
  readonly #counts = new Map<FaultPoint, number>();

  note(point: FaultPoint): void {
    this.#counts.set(point, this.of(point) + 1);
  }

  of(point: FaultPoint): number {
    return this.#counts.get(point) ?? 0;
  }

  add(other: FaultCounts): void {
    for (const point of faultPoints) this.#counts.set(point, this.of(point) + other.of(point));
  }

  get never(): readonly FaultPoint[] {
    return faultPoints.filter((point) => this.of(point) === 0);
  }

  toString(): string {
    return faultPoints.map((point) => `${point} ${this.of(point)}`).join(", ");
  }
}
