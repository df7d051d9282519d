/** Cross-origin access for browsers: closed unless configured, and never with credentials, since tokens travel in a header. */

/** An empty list lets no other origin in; "*" lets every origin in. */
export type CorsPolicy = readonly string[] | "*";

const requestHeaders = [
  "authorization",
  "content-type",
  "idempotency-key",
  "traceparent",
  "x-device-id",
  "x-request-id",
  "connect-protocol-version",
  "connect-timeout-ms",
  "grpc-timeout",
  "x-grpc-web",
  "x-user-agent",
].join(", ");
const answerHeaders = [
  "grpc-message",
  "grpc-status",
  "retry-after",
  "x-error-code",
  "x-idempotent-replay",
  "x-ratelimit-limit",
  "x-ratelimit-remaining",
  "x-ratelimit-reset",
  "x-request-id",
].join(", ");
const preflightMaxAgeSeconds = 600;

/** Adds what the policy grants to the request's origin (Fetch standard, CORS protocol). */
export function setCorsHeaders(headers: Headers, policy: CorsPolicy, request: Request): void {
  const origin = request.headers.get("origin");
  if (policy !== "*") headers.append("vary", "origin");
  if (origin === null || (policy !== "*" && !policy.includes(origin))) return;
  headers.set("access-control-allow-origin", policy === "*" ? "*" : origin);
  headers.set("access-control-expose-headers", answerHeaders);
}

/** Adds the answer to a preflight: which verbs and headers the origin may use. */
export function setPreflightHeaders(
  headers: Headers,
  policy: CorsPolicy,
  request: Request,
  allow: string,
): void {
  const asked = request.headers.has("access-control-request-method");
  if (!asked || (policy !== "*" && !policy.includes(request.headers.get("origin") ?? ""))) return;
  headers.set("access-control-allow-methods", allow);
  headers.set("access-control-allow-headers", requestHeaders);
  headers.set("access-control-max-age", `${preflightMaxAgeSeconds}`);
}
