/** Answers with files that never change, since their names hold the hash of their content. */
import type { AssetFile } from "./page-assets.ts";

/** A file with what is computed of it once. */
export interface ServedFile {
  readonly file: AssetFile;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

export function servedFile(file: AssetFile): ServedFile {
  return {
    file,
    gzip: Bun.gzipSync(file.body),
    etag: `"${Bun.hash(file.body).toString(36)}"`,
  };
}

/** 200 with the file or 304 (RFC 9110 section 13.1.2); gzip where the client takes it. */
export function assetResponse(served: ServedFile, request: Request): Response {
  const acceptsGzip = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  // A representation of its own has an entity tag of its own (RFC 9110 section 8.8.3.3).
  const etag = acceptsGzip ? served.etag.replace(/"$/, '-gzip"') : served.etag;
  const headers = new Headers({
    "cache-control": "public, max-age=31536000, immutable",
    etag,
    vary: "accept-encoding",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
  });
  const known = (request.headers.get("if-none-match") ?? "").split(",").map((tag) => tag.trim());
  if (known.includes(etag) || known.includes(`W/${etag}`))
    return new Response(null, { status: 304, headers });
  headers.set("content-type", served.file.contentType);
  if (acceptsGzip) headers.set("content-encoding", "gzip");
  const body = acceptsGzip ? served.gzip : served.file.body;
  headers.set("content-length", String(body.byteLength));
  return new Response(request.method === "HEAD" ? null : body, { headers });
}
