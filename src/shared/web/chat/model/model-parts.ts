import type { ChatClient } from "../../../client/chat-client.ts";
import type { Clock } from "../../../client/ports.ts";
import type { AppState } from "./app-state.ts";
import type { KeyValues } from "./page-storage.ts";
import type { Store } from "./store.ts";

/** What every part of the model works with. */
export interface ModelParts {
  readonly client: ChatClient;
  readonly clock: Clock;
  readonly values: KeyValues;
  readonly store: Store<AppState>;
}
