/** The leading tab's side: runs the others' calls on the one client and tells everybody its events. */
import type { ChatClient } from "./chat-client.ts";
import type { ClientEventName, ClientEvents } from "./events.ts";
import { toTabError } from "./tab-errors.ts";
import type { TabMessage, TabSnapshot, Tabs } from "./tabs.ts";

const eventNames = Object.keys({
  stateChanged: true,
  messageReceived: true,
  timelineAdvanced: true,
  messageSent: true,
  ackReceived: true,
  sendFailed: true,
  syncCompleted: true,
  holeDetected: true,
  chatUpdated: true,
  chatRemoved: true,
  typing: true,
  watermarkSent: true,
  closing: true,
  roundTrip: true,
  unknownFrame: true,
  error: true,
  loggedOut: true,
} satisfies Record<ClientEventName, true>) as ClientEventName[];

export interface TabLeaderParts {
  readonly client: ChatClient;
  readonly tabs: Tabs;
  /** New for every leader. */
  readonly term: string;
  readonly wantsConnection: boolean;
  /** Gives the lead away. */
  readonly release: () => void;
  /** The own tab hears everything that the others hear. */
  readonly tellOwnTab: (message: TabMessage) => void;
}

export class TabLeader {
  readonly #client: ChatClient;
  readonly #tabs: Tabs;
  readonly #term: string;
  readonly #release: () => void;
  readonly #tellOwnTab: (message: TabMessage) => void;
  readonly #stopListening: () => void;
  #wantsConnection: boolean;

  constructor(parts: TabLeaderParts) {
    this.#client = parts.client;
    this.#tabs = parts.tabs;
    this.#term = parts.term;
    this.#release = parts.release;
    this.#tellOwnTab = parts.tellOwnTab;
    this.#wantsConnection = parts.wantsConnection;
    const { client, tabs } = parts;
    this.#stopListening = tabs.listen((message) => this.receive(message));
    for (const name of eventNames) client.on(name, (payload) => this.#onEvent(name, payload));
  }

  /** Tells every tab that this one leads; connects if that was the last wish. */
  start(): void {
    this.#announce();
    if (this.#wantsConnection && this.#client.userId !== undefined) {
      this.#client.connect().catch(() => undefined);
    }
  }

  #announce(): void {
    const unsent = this.#client.unsent.map(({ clientMessageId, chatId, content, createdAtMs }) => ({
      clientMessageId,
      chatId,
      content,
      createdAtMs,
    }));
    this.#tell({ type: "leading", term: this.#term, snapshot: this.#snapshot(), unsent });
  }

  receive(message: TabMessage): void {
    if (message.type === "hello") this.#announce();
    if (message.type === "call") void this.#run(message.id, message.name, message.args);
  }

  /** Ends the client in good order and makes room for the next leader. */
  async close(): Promise<void> {
    try {
      await this.#client.close();
    } finally {
      this.#stopListening();
      this.#tabs.post({ type: "leaving" });
      this.#release();
    }
  }

  async #run(id: string, name: string, args: readonly unknown[]): Promise<void> {
    try {
      const value = await this.#perform(name, args);
      this.#tell({ type: "returned", id, value });
    } catch (error) {
      this.#tell({ type: "failed", id, error: toTabError(error) });
    }
  }

  #perform(name: string, args: readonly unknown[]): unknown {
    const client = this.#client;
    if (name === "connect") this.#wantsConnection = true;
    if (name === "disconnect" || name === "logout") this.#wantsConnection = false;
    switch (name) {
      case "login":
      case "logout":
      case "connect":
      case "disconnect":
      case "messages":
      case "sync":
      case "startTyping":
      case "stopTyping":
        return (client[name] as (...args: readonly unknown[]) => unknown).apply(client, [...args]);
      case "send": {
        const [chatId, content, clientMessageId] = args as [string, string, string];
        const { createdAtMs } = client.send(chatId, content, { clientMessageId });
        this.#tell({ type: "queued", message: { clientMessageId, chatId, content, createdAtMs } });
        return undefined;
      }
      default: {
        const rest = client.rest as unknown as Readonly<Record<string, unknown>>;
        const call = name.startsWith("rest.") ? rest[name.slice("rest.".length)] : undefined;
        if (typeof call !== "function")
          throw new TypeError(`another tab called "${name}", which this one does not know`);
        return call(...args);
      }
    }
  }

  #onEvent(name: ClientEventName, payload: ClientEvents[ClientEventName]): void {
    if (name === "loggedOut") this.#wantsConnection = false;
    this.#tell({ type: "event", name, payload: portable(name, payload), snapshot: this.#snapshot() });
  }

  #snapshot(): TabSnapshot {
    const { state, status, userId } = this.#client;
    return { state, status, userId, wantsConnection: this.#wantsConnection };
  }

  #tell(message: TabMessage): void {
    this.#tabs.post(message);
    this.#tellOwnTab(message);
  }
}

/** Without what structured cloning refuses or strips. */
function portable(name: ClientEventName, payload: ClientEvents[ClientEventName]): unknown {
  if (name === "error") {
    const { code, message } = payload as ClientEvents["error"];
    return { code, message, cause: undefined };
  }
  if (name !== "sendFailed") return payload;
  const failed = payload as ClientEvents["sendFailed"];
  return { ...failed, error: toTabError(failed.error) };
}
