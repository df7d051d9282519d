/** Whom a chat's last pushes named, for typing indicators: a bounded memory of recipient lists, the oldest goes first. */
import type { UserId } from "../shared/domain/ids.ts";
import type { Connection } from "./connection.ts";
import type { Hub } from "./hub.ts";

const chatsMax = 10_000;

export class RecentRecipients {
  readonly #hub: Hub;
  readonly #byChat = new Map<string, readonly string[]>();

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  note(chatId: string, userIds: readonly string[]): void {
    if (this.#byChat.get(chatId) === userIds) return;
    this.#byChat.delete(chatId);
    this.#byChat.set(chatId, userIds);
    if (this.#byChat.size <= chatsMax) return;
    const oldest = this.#byChat.keys().next().value;
    if (oldest !== undefined) this.#byChat.delete(oldest);
  }

  *connectionsOf(chatId: string): Generator<Connection> {
    for (const userId of this.#byChat.get(chatId) ?? []) yield* this.#hub.of(userId as UserId);
  }
}
