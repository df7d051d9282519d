/** Outcomes of REST calls in the embedded database; the running ones in this process's memory. See the port. */
import { ExpiringMap } from "./expiring-map.ts";
import type { RestIdempotencyStore } from "./rest-idempotency-store.ts";
import { expireIdempotency, findIdempotency } from "./sqlite/rest-idempotency-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

/** A call that has not ended by then died. */
const runningMs = 60_000;
/** Far more than calls can run at once; beyond it the record in the transaction alone keeps a key single. */
const runningMax = 100_000;

export function createSqliteRestIdempotencyStore(storage: Storage): RestIdempotencyStore {
  const running = new ExpiringMap<string, true>(runningMax);
  return {
    find: (scopeKey, nowMs) => storage.run(findIdempotency, { scopeKey, nowMs }),
    begin: async (scopeKey, nowMs) => {
      if (running.get(scopeKey, nowMs) !== undefined) return false;
      running.set(scopeKey, true, nowMs + runningMs, nowMs);
      return true;
    },
    end: async (scopeKey) => {
      running.delete(scopeKey);
    },
    expire: (beforeMs, limit) => storage.run(expireIdempotency, { beforeMs, limit }),
  };
}
