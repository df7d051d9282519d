import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { ipNetwork } from "../shared/http/client-ip.ts";

/** SHA-256 of an IPv4 address, or of the /64 of an IPv6 address, within which one host changes its address at will. */
export function addressHash(ip: string): string {
  const host = isIP(ip) === 6 ? ipNetwork(ip) : ip;
  return createHash("sha256").update(host, "utf8").digest("hex");
}
