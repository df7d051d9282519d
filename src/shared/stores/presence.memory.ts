/** Presence of a single process. See the port. */
import type { Clock } from "../domain/clock.ts";
import type { UserId } from "../domain/ids.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Presence } from "./presence.ts";

/** How long "last seen" is known: the routing expiry and 5 s (ADR-010 part 2). */
const recordMs = 20_000;

/**
 * The status is read from the routing table at the moment of the question, so it is never fresher than routing
 * and needs no record of its own; what is remembered for 20 s is when the last connection left. An entry that
 * ends without a close leaves no record: offline, last seen unknown. At most `usersMax` are remembered.
 */
export function createMemoryPresence(
  clock: Clock,
  routing: { liveConnections(userId: UserId): number },
  options: { readonly usersMax: number },
): Presence {
  const lastSeenMs = new ExpiringMap<UserId, number>(options.usersMax);
  return {
    record: async (userId, liveBefore, liveAfter) => {
      const nowMs = clock.monotonicMs();
      const timestampMs = clock.nowMs();
      if (liveAfter > 0) {
        lastSeenMs.delete(userId);
        return liveBefore > 0 ? undefined : { userId, status: "online", timestampMs };
      }
      // A connection that is unregistered twice leaves once.
      if (liveBefore === 0 || lastSeenMs.get(userId, nowMs) !== undefined) return undefined;
      lastSeenMs.set(userId, timestampMs, nowMs + recordMs, nowMs);
      return { userId, status: "offline", timestampMs };
    },
    // Online records are the routing entries themselves, and those were refreshed.
    refresh: async () => undefined,
    get: async (userIds) => {
      const nowMs = clock.monotonicMs();
      return userIds.map((userId) => {
        const deviceCount = routing.liveConnections(userId);
        return deviceCount > 0
          ? { status: "online", lastSeenMs: null, deviceCount }
          : { status: "offline", lastSeenMs: lastSeenMs.get(userId, nowMs) ?? null, deviceCount: 0 };
      });
    },
  };
}
