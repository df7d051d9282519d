/**
 * Port: which gateway holds which user's connections. A hint with an expiry of 15 s: losing all of it costs
 * latency and a sync, never a message.
 */
import type { ConnectionId, DeviceId, UserId } from "../domain/ids.ts";

export interface Route {
  readonly connectionId: ConnectionId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly serverId: string;
  readonly connectedAtMs: number;
}

export interface RegisterOutcome {
  readonly liveBefore: number;
  readonly liveAfter: number;
  /** Other live connections of the same device: their gateways close them as `duplicate_connection`. */
  readonly replaced: readonly { readonly connectionId: ConnectionId; readonly serverId: string }[];
}

/** A message from one gateway to another. */
export interface CloseCommand {
  readonly type: "close";
  readonly connectionId: ConnectionId;
  readonly reason: "duplicate_connection";
}

export interface RoutingTable {
  /** Makes the connection known and evicts the device's older entry. @throws {TriplaneError} SERVICE_UNAVAILABLE */
  register(route: Route): Promise<RegisterOutcome>;
  /** Re-asserts entries in full, whatever had vanished. `superseded`: a newer connection of the same device lives. */
  refresh(
    routes: readonly Route[],
  ): Promise<readonly { readonly existed: boolean; readonly superseded: boolean }[]>;
  /** @returns how many live connections the user still has. Idempotent. */
  unregister(route: Route): Promise<number>;
  /** Servers that hold connections of each user, in the order asked; empty = offline. */
  serversOf(userIds: readonly UserId[]): Promise<readonly (readonly string[])[]>;
  /** A token that changes when the table lost its data; undefined when it is empty. */
  epoch(): Promise<string | undefined>;
  /** Tells a gateway to close a connection that a newer one replaced. Best effort. */
  sendClose(serverId: string, command: CloseCommand): Promise<void>;
  /** Receives close commands for this server until the returned function is called. */
  onClose(serverId: string, listener: (command: CloseCommand) => void): () => void;
}
