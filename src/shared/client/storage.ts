/** One change of a batch: a value of `undefined` deletes the key. */
export interface StorageChange {
  readonly key: string;
  readonly value: string | undefined;
}

export interface StorageRange {
  /** Exclusive upper bound of the keys, or undefined for the end of the prefix. */
  readonly before: string | undefined;
  readonly limit: number;
  /** Descending instead of ascending keys. */
  readonly reverse: boolean;
}

/**
 * Durable local storage of one installation: an ordered map of strings.
 * Guarantees: `write` is atomic, all changes of a batch or none; once it resolved, the changes survive whatever
 * the adapter is made for (memory: the object's life, file: kill of the process and power loss, IndexedDB: the
 * browser's promise of a complete transaction). Batches take effect in the order of the calls. `list` and `get`
 * see every resolved write. Keys are ASCII and order by code unit.
 */
export interface ClientStorage {
  get(key: string): Promise<string | undefined>;
  /** Keys that begin with `prefix`, in order. */
  list(prefix: string, range: StorageRange): Promise<readonly StoredEntry[]>;
  write(changes: readonly StorageChange[]): Promise<void>;
  /** Releases the storage; what was written stays. */
  close(): Promise<void>;
}

export interface StoredEntry {
  readonly key: string;
  readonly value: string;
}

/** The keys in use. Sequences and orders are padded, so that keys sort as numbers do. */
export const storageKeys = {
  session: "session",
  device: "device",
  /** The user whose chats and messages these are. */
  owner: "owner",
  chatPrefix: "chat/",
  chat: (chatId: string) => `chat/${chatId}`,
  outboxPrefix: "outbox/",
  outbox: (order: number) => `outbox/${pad(order)}`,
  allMessagesPrefix: "message/",
  messagePrefix: (chatId: string) => `message/${chatId}/`,
  message: (chatId: string, sequence: number) => `message/${chatId}/${pad(sequence)}`,
} as const;

function pad(value: number): string {
  return value.toString().padStart(16, "0");
}
