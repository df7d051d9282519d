/** Client message ids as stored: the 16 bytes of the UUID. */
import type { ClientMessageId } from "../../domain/ids.ts";

export function clientIdBytes(id: ClientMessageId): Uint8Array {
  return Uint8Array.fromHex(
    id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24),
  );
}

export function clientIdText(bytes: Uint8Array): ClientMessageId {
  const hex = bytes.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as ClientMessageId;
}
