/**
 * How the tabs of one browser find their leader and talk. One of them holds the connection, the tokens and the
 * local storage; the others work through it.
 */
import type { ConnectionStatus } from "./chat-client.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { ClientEventName } from "./events.ts";

export interface Tabs {
  /**
   * Waits to be the leader: at most one tab is at any time, and the end of a tab, however it came, makes room
   * for the next. Rejects with the signal's reason.
   * @returns gives the lead away
   */
  lead(signal: AbortSignal): Promise<() => void>;
  /** To all other tabs, in order; structured clones. */
  post(message: TabMessage): void;
  /** @returns stops listening */
  listen(listener: (message: TabMessage) => void): () => void;
}

/** What every tab knows of the shared client. */
export interface TabSnapshot {
  readonly state: ConnectionState;
  readonly status: ConnectionStatus;
  readonly userId: string | undefined;
  /** The last word of any tab: connect, or disconnect. A next leader obeys it. */
  readonly wantsConnection: boolean;
}

export interface UnsentMessage {
  readonly clientMessageId: string;
  readonly chatId: string;
  readonly content: string;
  readonly createdAtMs: number;
}

export type TabMessage =
  /** A new tab asks who leads. */
  | { readonly type: "hello" }
  /** A tab leads; `term` is new for every leader. */
  | {
      readonly type: "leading";
      readonly term: string;
      readonly snapshot: TabSnapshot;
      readonly unsent: readonly UnsentMessage[];
    }
  /** The leader is about to give the lead away. */
  | { readonly type: "leaving" }
  | { readonly type: "call"; readonly id: string; readonly name: string; readonly args: readonly unknown[] }
  | { readonly type: "returned"; readonly id: string; readonly value: unknown }
  | { readonly type: "failed"; readonly id: string; readonly error: TabError }
  | { readonly type: "queued"; readonly message: UnsentMessage }
  | {
      readonly type: "event";
      readonly name: ClientEventName;
      /** Errors in it travel as TabError. */
      readonly payload: unknown;
      readonly snapshot: TabSnapshot;
    };

/** An error without its class, which does not travel. */
export interface TabError {
  readonly name: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
