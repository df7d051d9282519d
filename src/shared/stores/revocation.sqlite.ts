/** Revoked tokens in the embedded database, mirrored in memory; news within this process. See the port. */
import type { Revocation, UserRevoked } from "./revocation.ts";
import { expireRevoked, listRevoked, readRevoked, revokeTokens } from "./sqlite/revocation-commands.ts";
import type { Storage } from "./sqlite/storage.ts";

/**
 * The mirror holds every revoked token, so that the check of each request is a look into a set: this process is
 * the database's only writer of revocations. It is loaded on first use and follows each revocation once that is
 * durable. When more than `mirroredMax` tokens are held it is given up, and the database answers, until an
 * expiry run makes room.
 */
export function createSqliteRevocation(
  storage: Storage,
  options: { readonly mirroredMax: number },
): Revocation {
  const { mirroredMax } = options;
  const listeners = new Set<(news: UserRevoked) => void>();
  /** Undefined until it is asked for; "overflow" while too many are held. */
  let mirror: Promise<Set<string> | "overflow"> | undefined;

  const load = async (): Promise<Set<string> | "overflow"> => {
    const jtis = await storage.run(listRevoked, mirroredMax + 1);
    return jtis.length > mirroredMax ? "overflow" : new Set(jtis);
  };
  /** A failed load is forgotten, so that the next check tries again. */
  const mirrored = (): Promise<Set<string> | "overflow"> => {
    mirror ??= load().catch((thrown: unknown) => {
      mirror = undefined;
      throw thrown;
    });
    return mirror;
  };

  return {
    revoke: async (tokens) => {
      if (tokens.length === 0) return;
      await storage.run(revokeTokens, tokens);
      const held = await mirrored();
      if (held === "overflow") return;
      for (const { jti } of tokens) held.add(jti);
      if (held.size > mirroredMax) mirror = Promise.resolve("overflow");
    },
    areRevoked: async (jtis) => {
      const held = await mirrored();
      return held === "overflow" ? storage.run(readRevoked, jtis) : jtis.map((jti) => held.has(jti));
    },
    announce: async (news) => {
      for (const listener of [...listeners]) listener(news);
    },
    subscribe: (listener) => {
      // A wrapper of its own, so that one function may be subscribed twice.
      const own = (news: UserRevoked): void => listener(news);
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    expire: async (nowMs, limit) => {
      const expired = await storage.run(expireRevoked, { nowMs, limit });
      const held = await mirrored();
      if (held === "overflow") mirror = undefined;
      else for (const jti of expired) held.delete(jti);
      return expired.length;
    },
  };
}
