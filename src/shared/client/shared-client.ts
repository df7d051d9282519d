import type { ChatClient } from "./chat-client.ts";
import { TriplaneClient } from "./client.ts";
import type { ClientOptions } from "./client-options.ts";
import { browserTabs, platformDefaults } from "./platform.ts";
import { TabClient } from "./tab-client.ts";

/**
 * The client for a page: its tabs share one device, one connection and one login, so that a second tab neither
 * pushes the first one off nor ends its session by refreshing a token twice. Where a platform has no tabs it is
 * a TriplaneClient.
 */
export async function openSharedClient(options: ClientOptions): Promise<ChatClient> {
  const tabs = browserTabs(`triplane ${options.baseUrl}`);
  if (tabs === undefined) return TriplaneClient.open(options);
  const { clock, random } = platformDefaults(options);
  return TabClient.open({ tabs, clock, random, openClient: () => TriplaneClient.open(options) });
}
