/** The routing table of a single process. See the port. */
import type { Clock } from "../domain/clock.ts";
import { TriplaneError } from "../domain/errors.ts";
import type { ConnectionId, UserId } from "../domain/ids.ts";
import type { Random } from "../domain/random.ts";
import type { CloseCommand, RegisterOutcome, Route, RoutingTable } from "./routing-table.ts";

/** How long an entry lives without a refresh (ADR-010, EXPIRY_WINDOW). */
const expiryMs = 15_000;
/** Users looked at on each registration, so that entries nobody asks for go without a timer. */
const sweepPerRegister = 4;
/** The same for a full table, before it refuses. */
const sweepWhenFull = 1000;

interface Entry {
  readonly route: Route;
  readonly expiresAtMs: number;
}

const none: readonly Entry[] = [];
const noServers: readonly string[] = [];

/** A routing table that also counts: presence derives from nothing else. */
export interface MemoryRoutingTable extends RoutingTable {
  /** Connections of the user that were registered or refreshed within the last 15 s. */
  liveConnections(userId: UserId): number;
}

/**
 * Entries end 15 s after their last refresh, on monotonic time; they are dropped when their user is next touched,
 * or by a sweep that every registration moves on. Of two connections of one device the one that connected later
 * stays; the same millisecond is decided by the id. At most `connectionsMax` entries are held.
 * @throws {TriplaneError} SERVICE_UNAVAILABLE from `register` when the table is full
 */
export function createMemoryRoutingTable(
  clock: Clock,
  random: Random,
  options: { readonly connectionsMax: number },
): MemoryRoutingTable {
  const users = new Map<UserId, readonly Entry[]>();
  const listeners = new Map<string, Set<(command: CloseCommand) => void>>();
  const token = random.bytes(16).toHex();
  let everUsed = false;
  let held = 0;
  let cursor = users.keys();

  const store = (userId: UserId, before: number, entries: readonly Entry[]): void => {
    held += entries.length - before;
    if (entries.length === 0) users.delete(userId);
    else users.set(userId, entries);
  };

  /** The user's live entries; the dead ones are dropped. */
  const live = (userId: UserId, nowMs: number = clock.monotonicMs()): readonly Entry[] => {
    const entries = users.get(userId);
    if (entries === undefined) return none;
    const [only] = entries;
    if (only !== undefined && entries.length === 1 && nowMs < only.expiresAtMs) return entries;
    if (entries.every((entry) => nowMs < entry.expiresAtMs)) return entries;
    const left = entries.filter((entry) => nowMs < entry.expiresAtMs);
    store(userId, entries.length, left);
    return left;
  };

  const sweep = (usersMax: number): void => {
    for (let step = 0; step < usersMax; step += 1) {
      const next = cursor.next();
      if (next.done) {
        cursor = users.keys();
        return;
      }
      live(next.value);
    }
  };

  /** Puts the route in place of its own older entry and of the given ones. */
  const put = (route: Route, entries: readonly Entry[], evicted: readonly Entry[]): readonly Entry[] => {
    everUsed = true;
    const kept = entries.filter(
      (entry) => entry.route.connectionId !== route.connectionId && !evicted.includes(entry),
    );
    const after = [...kept, { route, expiresAtMs: clock.monotonicMs() + expiryMs }];
    store(route.userId, entries.length, after);
    return after;
  };

  const refreshOne = (route: Route): { existed: boolean; superseded: boolean } => {
    const entries = live(route.userId);
    const existed = entries.some((entry) => entry.route.connectionId === route.connectionId);
    const rivals = entries.filter((entry) => isRival(entry.route, route));
    if (rivals.some((entry) => isNewer(entry.route, route))) return { existed, superseded: true };
    put(route, entries, rivals);
    return { existed, superseded: false };
  };

  return {
    register: async (route): Promise<RegisterOutcome> => {
      sweep(held < options.connectionsMax ? sweepPerRegister : sweepWhenFull);
      if (held >= options.connectionsMax) {
        throw new TriplaneError("SERVICE_UNAVAILABLE", "No room for another connection", {
          details: { connections: held, limit: options.connectionsMax },
        });
      }
      const entries = live(route.userId);
      const replaced = entries.filter((entry) => isRival(entry.route, route));
      const after = put(route, entries, replaced);
      return {
        liveBefore: entries.length,
        liveAfter: after.length,
        replaced: replaced.map(({ route: { connectionId, serverId } }) => ({ connectionId, serverId })),
      };
    },
    refresh: async (routes) => routes.map(refreshOne),
    unregister: async (route) => {
      const entries = live(route.userId);
      const left = entries.filter((entry) => entry.route.connectionId !== route.connectionId);
      if (left.length < entries.length) store(route.userId, entries.length, left);
      return left.length;
    },
    serversOf: async (userIds) => {
      // The hottest call of all: one look at the clock, one list per server.
      const nowMs = clock.monotonicMs();
      const lists = new Map<string, readonly string[]>();
      return userIds.map((userId) => {
        const entries = live(userId, nowMs);
        const [only] = entries;
        if (only === undefined) return noServers;
        const { serverId } = only.route;
        if (entries.length > 1) return [...new Set(entries.map((entry) => entry.route.serverId))];
        let list = lists.get(serverId);
        if (list === undefined) {
          list = [serverId];
          lists.set(serverId, list);
        }
        return list;
      });
    },
    epoch: async () => (everUsed ? token : undefined),
    sendClose: async (serverId, command) => {
      for (const listener of [...(listeners.get(serverId) ?? [])]) listener(command);
    },
    onClose: (serverId, listener) => {
      const ofServer = listeners.get(serverId) ?? new Set();
      listeners.set(serverId, ofServer.add(listener));
      return () => {
        ofServer.delete(listener);
        if (ofServer.size === 0 && listeners.get(serverId) === ofServer) listeners.delete(serverId);
      };
    },
    liveConnections: (userId) => live(userId).length,
  };
}

/** Another connection of the same user's device. */
function isRival(other: Route, route: Route): boolean {
  return other.deviceId === route.deviceId && other.connectionId !== route.connectionId;
}

function isNewer(other: Route, route: Route): boolean {
  return (
    other.connectedAtMs > route.connectedAtMs ||
    (other.connectedAtMs === route.connectedAtMs && isLater(other.connectionId, route.connectionId))
  );
}

function isLater(a: ConnectionId, b: ConnectionId): boolean {
  return a > b;
}
