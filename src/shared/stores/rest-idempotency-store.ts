/**
 * Port: outcomes of REST calls with an Idempotency-Key. Records are written by the stores inside the
 * transaction of the effect (`ChatStore.createGroup` and friends take one along); this port reads them and
 * reserves keys that are still running.
 */
export interface NewRestIdempotencyRecord {
  /** `user_id#METHOD route#key`, the key in lower case. */
  readonly scopeKey: string;
  /** Hash of the canonical JSON of the body. */
  readonly requestHash: string;
  readonly statusCode: number;
  /** Ids the call created, by name. */
  readonly resourceIds: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

export interface RestIdempotencyStore {
  /** Undefined where the key is unknown or older than 24 h. */
  find(scopeKey: string, nowMs: number): Promise<NewRestIdempotencyRecord | undefined>;
  /** Marks the key as running. @returns false when it runs already. Lost with the process; ends by itself after 60 s. */
  begin(scopeKey: string, nowMs: number): Promise<boolean>;
  /** Ends the running mark. */
  end(scopeKey: string): Promise<void>;
  /** Deletes up to `limit` records older than `beforeMs`. @returns how many. */
  expire(beforeMs: number, limit: number): Promise<number>;
}
