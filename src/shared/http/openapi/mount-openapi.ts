/** Serves the OpenAPI document, generated once from the descriptors in this process. */
import type { DescService } from "@bufbuild/protobuf";
import type { Hono } from "hono";
import type { HttpEnv, RestEdge } from "../rest-edge.ts";
import { generateOpenApi } from "./generate-openapi.ts";

export const openApiPath = "/api/v1/openapi.yaml";

export function mountOpenApi(app: Hono<HttpEnv>, edge: RestEdge, service: DescService): void {
  const text = generateOpenApi(service);
  // RFC 9512 registers application/yaml.
  const headers = { "content-type": "application/yaml; charset=utf-8" };
  const serve = edge.publicHandler(async () => ({ status: 200, body: { text }, headers }));
  edge.resource(app, openApiPath, openApiPath, { GET: serve });
}
