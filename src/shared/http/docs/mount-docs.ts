/** Serves the documentation page, rendered once. */
import { createHash } from "node:crypto";
import type { DescService } from "@bufbuild/protobuf";
import type { Hono } from "hono";
import type { HttpEnv, RestEdge } from "../rest-edge.ts";
import { docsStyle } from "./docs-style.ts";
import { renderDocs } from "./render-docs.ts";

export const docsPath = "/docs";

export function mountDocs(app: Hono<HttpEnv>, edge: RestEdge, service: DescService): void {
  const text = renderDocs(service);
  const styleHash = createHash("sha256").update(docsStyle).digest("base64");
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "cache-control": "no-cache",
  };
  const serve = edge.publicHandler(async () => ({ status: 200, body: { text }, headers }));
  edge.resource(app, docsPath, docsPath, { GET: serve });
}
