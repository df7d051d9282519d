/** A Connect service on the same port as REST, with the common headers and CORS. */
import type { DescService } from "@bufbuild/protobuf";
import type { Hono } from "hono";
import type { ConnectFetch } from "../rpc/connect-server.ts";
import type { HttpEnv, RestEdge } from "./rest-edge.ts";

export function mountRpc(
  app: Hono<HttpEnv>,
  edge: RestEdge,
  service: DescService,
  connect: ConnectFetch,
): void {
  edge.foreign(app, `/${service.typeName}/*`, `/${service.typeName}`, (request, socketAddress) =>
    connect(request, { socketAddress }),
  );
}
