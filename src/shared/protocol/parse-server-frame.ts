/**
 * Reads what a server sent, tolerantly: the envelope must hold, unknown types and fields are let through for
 * the client to log and ignore (forward compatibility, section 17).
 */
import type { ServerFrame } from "./frames.ts";

const serverFrameTypes = new Set<string>([
  "connection_established",
  "send_message_ack",
  "message",
  "sync_response",
  "heartbeat_ack",
  "error",
  "connection_closing",
  "typing_indicator",
] satisfies ServerFrame["type"][]);

export type ParsedServerFrame =
  | { readonly kind: "frame"; readonly frame: ServerFrame }
  | { readonly kind: "unknown_type"; readonly type: string }
  | { readonly kind: "malformed"; readonly message: string };

export function parseServerFrame(text: string): ParsedServerFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "malformed", message: "the frame is not JSON" };
  }
  if (typeof value !== "object" || value === null) {
    return { kind: "malformed", message: "the frame is not an object" };
  }
  const { type, payload } = value as { readonly type?: unknown; readonly payload?: unknown };
  if (typeof type !== "string") return { kind: "malformed", message: "the frame has no type" };
  if (!serverFrameTypes.has(type)) return { kind: "unknown_type", type };
  if (typeof payload !== "object" || payload === null) {
    return { kind: "malformed", message: `${type} has no payload` };
  }
  return { kind: "frame", frame: value as ServerFrame };
}
