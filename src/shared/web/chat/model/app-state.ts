/** What the page shows. The model changes it, the components read it. */
import type { Me } from "../../../client/rest-types.ts";
import type { ChatSummary } from "./chat-summary.ts";
import type { Conversation } from "./conversation.ts";
import type { People } from "./people.ts";

/** `syncing`: connected, catching up. `offline`: not connected and not trying. */
export type LinkState = "connected" | "syncing" | "reconnecting" | "offline";

export interface Notice {
  readonly kind: "info" | "error";
  readonly text: string;
}

export interface AppState {
  readonly screen: "starting" | "sign_in" | "chats";
  /** Why the user has to sign in again, if that needs saying. */
  readonly signedOutText: string | undefined;
  readonly me: Pick<Me, "user_id" | "phone_number" | "display_name"> | undefined;
  readonly link: LinkState;
  readonly chats: ReadonlyMap<string, ChatSummary>;
  readonly areChatsLoaded: boolean;
  readonly openChatId: string | undefined;
  readonly conversations: ReadonlyMap<string, Conversation>;
  readonly people: People;
  /** Spoken by screen readers: the newest message that came in. */
  readonly announcement: string;
  readonly notice: Notice | undefined;
}

export const initialState: AppState = {
  screen: "starting",
  signedOutText: undefined,
  me: undefined,
  link: "offline",
  chats: new Map(),
  areChatsLoaded: false,
  openChatId: undefined,
  conversations: new Map(),
  people: new Map(),
  announcement: "",
  notice: undefined,
};

/** The map with one entry set, or taken out where `value` is undefined. */
export function withEntry<Value>(
  map: ReadonlyMap<string, Value>,
  key: string,
  value: Value | undefined,
): ReadonlyMap<string, Value> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(key);
  else copy.set(key, value);
  return copy;
}
