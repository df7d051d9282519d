/** Pushes over Connect: one client per gateway, addressed directly, never through a load-balanced name. */
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { TriplaneError } from "../shared/domain/errors.ts";
import { type Delivery, GatewayService } from "../shared/gen/messaging/v1/gateway_pb.js";
import type { GatewayDelivery } from "./gateway-delivery.ts";

/** @param transportOf the transport to a gateway, undefined where none is registered under this id */
export function createRpcGatewayDelivery(
  transportOf: (serverId: string) => Transport | undefined,
): GatewayDelivery {
  const clients = new WeakMap<Transport, Client<typeof GatewayService>>();
  return {
    knows: (serverId) => transportOf(serverId) !== undefined,
    async deliver(serverId, deliveries, timeoutMs) {
      const transport = transportOf(serverId);
      if (transport === undefined) {
        throw new TriplaneError("SERVICE_UNAVAILABLE", `Gateway ${serverId} is not registered`);
      }
      let client = clients.get(transport);
      if (client === undefined) {
        client = createClient(GatewayService, transport);
        clients.set(transport, client);
      }
      await client.deliverMessages({ deliveries: deliveries as Delivery[] }, { timeoutMs });
    },
  };
}
