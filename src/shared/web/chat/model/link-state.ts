import type { ChatClient } from "../../../client/chat-client.ts";
import type { LinkState } from "./app-state.ts";

/** What the status line says. A browser that knows to be offline is believed only in that. */
export function linkState(client: Pick<ChatClient, "state" | "status">, isBrowserOnline: boolean): LinkState {
  if (client.state === "Ready") return "connected";
  if (!isBrowserOnline) return "offline";
  if (client.state === "Connected" || client.state === "Syncing") return "syncing";
  return client.status === "offline" ? "offline" : "reconnecting";
}
