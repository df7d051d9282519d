/** A connection as the routing table holds it: the fields of a route and nothing else, since each is kept. */
import type { Route } from "../shared/stores/routing-table.ts";
import type { ConnectionInit } from "./connection.ts";

export function routeOf(init: ConnectionInit, serverId: string): Route {
  const { connectionId, userId, deviceId, connectedAtMs } = init;
  return { connectionId, userId, deviceId, serverId, connectedAtMs };
}
