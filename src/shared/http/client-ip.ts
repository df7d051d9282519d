/** Who calls, as an address: after trusted proxies, and as a key for limits. */
import { createHash } from "node:crypto";
import { isIP } from "node:net";

/**
 * The client's address. With `trustedProxyHops` = n it is the n-th entry from the right of `X-Forwarded-For`, the
 * one that the outermost trusted proxy added; never the left-most, which the client writes itself. Without that
 * many entries, or when the entry is no address, it is the socket's address. 0 hops ignore the header.
 */
export function clientIp(socketAddress: string, headers: Headers, trustedProxyHops: number): string {
  if (trustedProxyHops > 0) {
    const entries = headers.get("x-forwarded-for")?.split(",") ?? [];
    const entry = entries.at(-trustedProxyHops)?.trim() ?? "";
    if (entries.length >= trustedProxyHops && isIP(entry) !== 0) return plain(entry);
  }
  return plain(socketAddress);
}

/** The network that limits count together: IPv4 /24, IPv6 /64. Anything else is returned as it is. */
export function ipNetwork(ip: string): string {
  const version = isIP(ip);
  if (version === 4) return `${ip.slice(0, ip.lastIndexOf("."))}.0/24`;
  if (version === 6) return `${firstGroups(ip, 4).join(":")}::/64`;
  return ip;
}

/** SHA-256 (hex) of the network: the only form in which an address becomes part of a key. */
export function ipKey(ip: string): string {
  return createHash("sha256").update(ipNetwork(ip)).digest("hex");
}

/** IPv4 in IPv6 clothing ("::ffff:192.0.2.1", RFC 4291 section 2.5.5.2) is IPv4; a zone id is dropped. */
function plain(ip: string): string {
  const mapped = /^::ffff:([0-9]{1,3}(?:\.[0-9]{1,3}){3})$/i.exec(ip)?.[1];
  return mapped ?? ip.replace(/%.*$/, "");
}

function firstGroups(ip: string, count: number): readonly string[] {
  const [head = "", tail = ""] = ip.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const inner = ip.includes("::") ? Math.max(0, 8 - left.length - right.length) : 0;
  const groups = [...left, ...Array.from({ length: inner }, () => "0"), ...right];
  return groups.slice(0, count).map((group) => Number.parseInt(group, 16).toString(16));
}
