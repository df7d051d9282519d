/** What every user store must do. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { UserId } from "../domain/ids.ts";
import { refusalOf } from "./conformance-refusal.ts";
import type { User, UserStore } from "./user-store.ts";

export interface OpenUserStore {
  readonly store: UserStore;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const nobody = "user_nobody" as UserId;

function userOf(number: number): User {
  return {
    userId: `user_${number}` as UserId,
    phoneNumber: `+1415555${String(number).padStart(4, "0")}`,
    displayName: null,
    createdAtMs: startMs + number,
    updatedAtMs: startMs + number,
  };
}

export function userStoreConformance(name: string, open: () => Promise<OpenUserStore>): void {
  describe(`${name} as UserStore`, () => {
    let opened: OpenUserStore;
    let store: UserStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    test("users are found by id and by phone number, in the order asked", async () => {
      const [a, b] = [userOf(1), userOf(2)];
      await store.createUsers([a, b]);
      expect(await store.getUsers([b.userId, nobody, a.userId, b.userId])).toEqual([b, undefined, a, b]);
      expect(await store.findByPhone([b.phoneNumber, "+19995550000", a.phoneNumber])).toEqual([
        b,
        undefined,
        a,
      ]);
      expect(await store.getUsers([])).toEqual([]);
      expect(await store.findByPhone([])).toEqual([]);
    });

    test("a hundred phone numbers at once", async () => {
      const users = Array.from({ length: 50 }, (_, index) => userOf(index));
      await store.createUsers(users);
      const asked = Array.from({ length: 100 }, (_, index) => userOf(index).phoneNumber);
      expect((await store.findByPhone(asked)).map((user) => user?.userId)).toEqual(
        asked.map((_, index) => users[index]?.userId),
      );
    });

    test("a display name is set, with its time; a stranger's is not", async () => {
      const user = userOf(1);
      await store.createUsers([user]);
      const named = { ...user, displayName: "Zoë 🙂", updatedAtMs: startMs + 500 };
      expect(await store.setDisplayName(user.userId, "Zoë 🙂", startMs + 500)).toEqual(named);
      expect(await store.getUsers([user.userId])).toEqual([named]);
      expect(await store.setDisplayName(nobody, "Nobody", startMs)).toBeUndefined();
      expect(await store.getUsers([nobody])).toEqual([undefined]);
    });

    test("phone_uniqueness_enforced: a bulk with a registered number is refused as a whole", async () => {
      await store.createUsers([userOf(1)]);
      const clash = { ...userOf(3), phoneNumber: userOf(1).phoneNumber };
      expect(await refusalOf(store.createUsers([userOf(2), clash, userOf(4)]))).toMatchObject({
        code: "CONFLICT",
      });
      expect(await store.getUsers([userOf(2).userId, clash.userId, userOf(4).userId])).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(await store.findByPhone([clash.phoneNumber, userOf(2).phoneNumber])).toEqual([
        userOf(1),
        undefined,
      ]);
    });

    test("phone_uniqueness_enforced: of creations that race for one number one wins", async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, index) =>
          store.createUsers([{ ...userOf(index), phoneNumber: "+14155550000" }]),
        ),
      );
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
      const winner = results.findIndex((result) => result.status === "fulfilled");
      expect((await store.findByPhone(["+14155550000"]))[0]?.userId).toBe(userOf(winner).userId);
    });
  });
}
