/** Notes when a session was last used, at most once a minute each, beside the request and never in its way. */
import type { Clock } from "../shared/domain/clock.ts";
import { parseSessionId } from "../shared/domain/ids.ts";
import type { Logger } from "../shared/runtime/logger.ts";
import type { SessionStore } from "../shared/stores/session-store.ts";

const noteEveryMs = 60_000;
/** Sessions remembered; one that was forgotten is merely noted again. */
const sessionsMax = 50_000;

export interface SessionActivityOptions {
  readonly sessions: Pick<SessionStore, "touch">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SessionActivity {
  readonly #options: SessionActivityOptions;
  /** Oldest note first. */
  readonly #notedAtMs = new Map<string, number>();

  constructor(options: SessionActivityOptions) {
    this.#options = options;
  }

  /** Never throws and never waits. */
  note(rawSessionId: string): void {
    const { sessions, clock, logger } = this.#options;
    const sessionId = parseSessionId(rawSessionId);
    const nowMs = clock.nowMs();
    const notedAtMs = this.#notedAtMs.get(rawSessionId);
    if (sessionId === undefined || (notedAtMs !== undefined && nowMs - notedAtMs < noteEveryMs)) return;
    this.#notedAtMs.delete(rawSessionId);
    this.#notedAtMs.set(rawSessionId, nowMs);
    if (this.#notedAtMs.size > sessionsMax) {
      const [oldest] = this.#notedAtMs.keys();
      if (oldest !== undefined) this.#notedAtMs.delete(oldest);
    }
    void sessions.touch(sessionId, nowMs).catch((error: unknown) => {
      logger.debug("session_activity_not_noted", { error });
    });
  }
}
