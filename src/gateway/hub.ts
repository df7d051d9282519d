/** Who is connected here: connections by id and by user. Told about, never asking anybody. */
import type { ConnectionId, UserId } from "../shared/domain/ids.ts";
import type { Connection } from "./connection.ts";

const none: readonly Connection[] = [];

export class Hub {
  readonly #byId = new Map<ConnectionId, Connection>();
  readonly #byUser = new Map<UserId, Connection | readonly Connection[]>();

  get size(): number {
    return this.#byId.size;
  }

  add(connection: Connection): void {
    const { connectionId, userId } = connection.init;
    this.#byId.set(connectionId, connection);
    const others = this.of(userId);
    // Most users have one connection: a list of its own for each would only cost memory.
    this.#byUser.set(userId, others.length === 0 ? connection : [...others, connection]);
  }

  /** @returns false when it was not there any more */
  remove(connection: Connection): boolean {
    const { connectionId, userId } = connection.init;
    if (!this.#byId.delete(connectionId)) return false;
    const rest = this.of(userId).filter((other) => other !== connection);
    if (rest.length === 0) this.#byUser.delete(userId);
    else this.#byUser.set(userId, rest);
    return true;
  }

  get(connectionId: ConnectionId): Connection | undefined {
    return this.#byId.get(connectionId);
  }

  of(userId: UserId): readonly Connection[] {
    const held = this.#byUser.get(userId);
    if (held === undefined) return none;
    return Array.isArray(held) ? held : [held as Connection];
  }

  all(): IterableIterator<Connection> {
    return this.#byId.values();
  }
}
