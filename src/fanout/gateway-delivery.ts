/** Port: hands pushes to one gateway. Best effort: a failure costs latency, sync restores what was missed. */
import type { Delivery } from "../shared/gen/messaging/v1/gateway_pb.js";

export interface GatewayDelivery {
  /**
   * Deliveries of one chat keep their order, within a call and between calls that follow one another.
   * @param serverId as the routing table names it
   * @throws {TriplaneError} SERVICE_UNAVAILABLE when the gateway is unknown, refuses or takes longer than `timeoutMs`
   */
  deliver(serverId: string, deliveries: readonly Delivery[], timeoutMs: number): Promise<void>;
  /** True while the gateway is registered. */
  knows(serverId: string): boolean;
}
