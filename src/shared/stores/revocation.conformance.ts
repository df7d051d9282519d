/** What every revocation store must do. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { SessionId, UserId } from "../domain/ids.ts";
import type { Revocation, UserRevoked } from "./revocation.ts";

export interface OpenRevocation {
  readonly store: Revocation;
  /** The same data seen by a process that starts now. */
  reopen(): Promise<Revocation>;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const token = (jti: string, lifeMs = 3_600_000): { jti: string; expiresAtMs: number } => ({
  jti,
  expiresAtMs: startMs + lifeMs,
});

export function revocationConformance(name: string, open: () => Promise<OpenRevocation>): void {
  describe(`${name} as Revocation`, () => {
    let opened: OpenRevocation;
    let store: Revocation;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    test("a token is revoked from the answer on; others are not; answers come in the order asked", async () => {
      expect(await store.areRevoked(["a", "b"])).toEqual([false, false]);
      await store.revoke([token("a"), token("c")]);
      expect(await store.areRevoked(["b", "a", "c", "d", "a"])).toEqual([false, true, true, false, true]);
      expect(await store.areRevoked([])).toEqual([]);
    });

    test("revoking nothing, and one token again, does no harm", async () => {
      await store.revoke([]);
      await store.revoke([token("a")]);
      await store.revoke([token("a"), token("a")]);
      expect(await store.areRevoked(["a"])).toEqual([true]);
    });

    test("revocations survive a restart", async () => {
      await store.revoke([token("a")]);
      const restarted = await opened.reopen();
      expect(await restarted.areRevoked(["a", "b"])).toEqual([true, false]);
    });

    test("checks that run beside revocations never miss one that was answered", async () => {
      const jtis = Array.from({ length: 50 }, (_, index) => `jti${index}`);
      await Promise.all(
        jtis.map(async (jti) => {
          await store.areRevoked([jti]);
          await store.revoke([token(jti)]);
          expect(await store.areRevoked([jti])).toEqual([true]);
        }),
      );
      expect(await store.areRevoked(jtis)).toEqual(jtis.map(() => true));
    });

    test("expired tokens are deleted up to the limit, unexpired ones stay revoked", async () => {
      await store.revoke([token("a", 1000), token("b", 2000), token("c", 3000), token("d")]);
      expect(await store.expire(startMs + 5000, 2)).toBe(2);
      expect(await store.expire(startMs + 5000, 10)).toBe(1);
      expect(await store.expire(startMs + 5000, 10)).toBe(0);
      expect(await store.areRevoked(["d"])).toEqual([true]);
      expect(await (await opened.reopen()).areRevoked(["d"])).toEqual([true]);
    });

    test("news reach every subscriber until it leaves", async () => {
      const news: UserRevoked = {
        userId: "user_a" as UserId,
        sessionIds: ["sess_a" as SessionId],
        reason: "logout",
      };
      const all: UserRevoked = { userId: "user_b" as UserId, sessionIds: null, reason: "admin" };
      const seen: UserRevoked[][] = [[], []];
      const arrived = (count: number): Promise<void> =>
        new Promise((resolve) => {
          const stop = store.subscribe((got) => {
            seen[1]?.push(got);
            if (seen[1]?.length !== count) return;
            stop();
            resolve();
          });
        });
      const stopFirst = store.subscribe((got) => seen[0]?.push(got));
      const both = arrived(2);
      await store.announce(news);
      await store.announce(all);
      await both;
      expect(seen).toEqual([
        [news, all],
        [news, all],
      ]);
      stopFirst();
      stopFirst();
      const third = arrived(3);
      await store.announce(news);
      await third;
      expect(seen[0]).toHaveLength(2);
    });
  });
}
