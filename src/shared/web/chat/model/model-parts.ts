import type { ChatClient, OutgoingMessage } from "../../../client/chat-client.ts";
import type { Clock } from "../../../client/ports.ts";
import type { AppState } from "./app-state.ts";
import type { KeyValues } from "./page-storage.ts";
import type { Store } from "./store.ts";

export interface PageClient extends ChatClient {
  /** What an earlier visit left to be sent is part of it. */
  readonly unsent: readonly OutgoingMessage[];
}

/** What every part of the model works with. */
export interface ModelParts {
  readonly client: PageClient;
  readonly clock: Clock;
  readonly values: KeyValues;
  readonly store: Store<AppState>;
}
