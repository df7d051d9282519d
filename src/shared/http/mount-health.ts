/** The health routes: never limited, never behind a token, the same on every service. */
import type { Hono } from "hono";
import type { Health } from "../runtime/health.ts";
import type { HttpEnv, RestEdge } from "./rest-edge.ts";

export function mountHealth(app: Hono<HttpEnv>, edge: RestEdge, health: Health): void {
  app.on(["GET", "HEAD"], "/health", async () => json(await health.health()));
  app.on(["GET", "HEAD"], "/ready", async () => json(await health.ready()));
  app.on(["GET", "HEAD"], "/health/live", () => json(health.live()));
  edge.resource(app, "/api/v1/health", "/api/v1/health", {
    GET: edge.publicHandler(async () => {
      const { status, body } = await health.health();
      return { status, body: { json: { status: body.status, timestamp: body.timestamp } }, headers: {} };
    }),
  });
}

function json({ status, body }: { readonly status: number; readonly body: unknown }): Response {
  return Response.json(body, {
    status,
    headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
