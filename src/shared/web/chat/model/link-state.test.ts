/** Goal: the status line tells the truth. Method: every state of the client, with and without a network. */
import { expect, test } from "bun:test";
import type { ChatClient } from "../../../client/chat-client.ts";
import { linkState } from "./link-state.ts";

const rows: readonly [ChatClient["state"], ChatClient["status"], boolean, ReturnType<typeof linkState>][] = [
  ["Ready", "connected", true, "connected"],
  // A working connection is proof against what the browser believes.
  ["Ready", "connected", false, "connected"],
  ["Connected", "connected", true, "syncing"],
  ["Syncing", "connected", true, "syncing"],
  ["Connecting", "reconnecting", true, "reconnecting"],
  ["Authenticating", "reconnecting", true, "reconnecting"],
  ["Closing", "reconnecting", true, "reconnecting"],
  ["Disconnected", "reconnecting", true, "reconnecting"],
  ["Disconnected", "reconnecting", false, "offline"],
  ["Disconnected", "offline", true, "offline"],
];

test.each(rows)("%s, %s, network %p: %s", (state, status, isBrowserOnline, expected) => {
  expect(linkState({ state, status }, isBrowserOnline)).toBe(expected);
});
