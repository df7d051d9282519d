/**
 * Goal: seeded users can be used like real ones.
 * Method: seeds into the embedded stores, then calls the handlers with what it yielded.
 */
import { expect, test } from "bun:test";
import { createSqliteSessionStore } from "../shared/stores/session-store.sqlite.ts";
import { createSqliteUserStore } from "../shared/stores/user-store.sqlite.ts";
import { openFixture } from "./chatmgmt-fixture.ts";
import { type SeededUser, type SeedOptions, seedUsers } from "./seed.ts";

const options: SeedOptions = {
  users: 12,
  chats: 9,
  members: 4,
  tokenTtlSeconds: 7200,
  sessionTtlSeconds: 30 * 24 * 3600,
};

async function seed(at: Awaited<ReturnType<typeof openFixture>>, changed: Partial<SeedOptions> = {}) {
  const deps = {
    ...at.deps,
    users: createSqliteUserStore(at.storage),
    sessions: createSqliteSessionStore(at.storage),
  };
  const seeded: SeededUser[] = [];
  for await (const user of seedUsers(deps, { ...options, ...changed })) seeded.push(user);
  return seeded;
}

test("users have sessions, tokens and equally many chats; another seed into the same stores adds to them", async () => {
  const at = await openFixture();
  const seeded = await seed(at);
  expect(seeded).toHaveLength(12);
  expect(seeded.map((user) => user.chat_ids.length)).toEqual(Array(12).fill(3));
  expect(new Set(seeded.flatMap((user) => user.chat_ids)).size).toBe(9);
  const [user] = seeded as [SeededUser];
  await at.clock.advance(7_199_000);
  const as = { token: user.access_token, deviceId: user.device_id };
  expect((await at.call("getMe", {}, as)).phoneNumber).toBe(user.phone_number);
  expect(user.phone_number).toMatch(/^\+[1-9][0-9]{1,14}$/);
  const chats = await at.call("listChats", {}, as);
  expect(chats.data.map((chat) => chat.chatId).toSorted()).toEqual(user.chat_ids.toSorted() as string[]);
  expect(chats.data.every((chat) => chat.memberCount === 4)).toBe(true);
  const { tokens } = await at.call("refreshToken", { refreshToken: user.refresh_token }, as);
  expect(tokens?.accessToken).toBeTruthy();
  expect(await seed(at, { users: 1200, chats: 0 })).toHaveLength(1200);
});

test.each([
  [{ members: 13 }, "members is 13, must be an integer from 2 to 12"],
  [{ users: 200, members: 101 }, "members is 101, must be an integer from 2 to 100"],
  [{ users: 0 }, "users is 0, must be an integer from 1 to 1000000"],
])("%p is refused before anything is stored", async (changed, message) => {
  const at = await openFixture();
  at.calls.length = 0;
  await expect(seed(at, changed)).rejects.toThrow(message);
  expect(at.calls).toEqual([]);
});
