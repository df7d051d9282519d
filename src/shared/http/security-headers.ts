/** Headers that keep an answer from being sniffed, framed, cached or leaked. */

/** An API answer is data: nothing in it may load or run. Pages bring a policy of their own. */
export const apiContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";

/** @param hstsMaxAgeSeconds sends `Strict-Transport-Security` (RFC 6797) when set: only where TLS ends before us */
export function setSecurityHeaders(headers: Headers, hstsMaxAgeSeconds: number | undefined): void {
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  if (!headers.has("content-security-policy")) {
    headers.set("content-security-policy", apiContentSecurityPolicy);
  }
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  if (hstsMaxAgeSeconds !== undefined) {
    headers.set("strict-transport-security", `max-age=${hstsMaxAgeSeconds}; includeSubDomains`);
  }
}
