/** Serves the AsyncAPI document of the socket protocol, generated once in this process. */
import type { Hono } from "hono";
import type { HttpEnv, RestEdge } from "../rest-edge.ts";
import { generateAsyncApi } from "./generate-asyncapi.ts";

export const asyncApiPath = "/api/v1/asyncapi.yaml";

export function mountAsyncApi(app: Hono<HttpEnv>, edge: RestEdge): void {
  const text = generateAsyncApi();
  // RFC 9512 registers application/yaml.
  const headers = { "content-type": "application/yaml; charset=utf-8" };
  const serve = edge.publicHandler(async () => ({ status: 200, body: { text }, headers }));
  edge.resource(app, asyncApiPath, asyncApiPath, { GET: serve });
}
