/**
 * Goal: an account ends at once, as a whole and for good, and others lose nothing by it. Method: handlers on the
 * embedded stores, faults in the middle.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { limits } from "../shared/domain/limits.ts";
import { createSqliteChatStore } from "../shared/stores/chat-store.sqlite.ts";
import {
  chatIdOf,
  type Fixture,
  type LoggedIn,
  openFixture,
  refusal,
  refusedCode,
} from "./chatmgmt-fixture.ts";

const phone = "+14155551234";
let at: Fixture;

beforeEach(async () => {
  at = await openFixture();
});
afterEach(async () => {
  await at.storage.close();
});

const as = (user: LoggedIn) => ({ token: user.token });

async function threeUsers(): Promise<readonly [LoggedIn, LoggedIn, LoggedIn]> {
  const [ann, bob, cat] = await at.createUsers(3);
  if (ann === undefined || bob === undefined || cat === undefined)
    throw new Error("three users were asked for");
  return [ann, bob, cat];
}

async function directChat(from: LoggedIn, to: LoggedIn) {
  const request = { type: "direct", memberIds: [to.userId] };
  return at.callWithHeader("createChat", request, as(from));
}

describe("DELETE /users/me", () => {
  test("every session ends at once, refresh included, and all sockets are told", async () => {
    const first = await at.logIn(phone);
    const second = await at.logIn(phone);
    await at.call("deleteMe", {}, as(first));
    for (const login of [first, second]) {
      const refused = await refusal(at.call("getMe", {}, as(login)));
      expect(refused.details).toMatchObject({ reason: "token_revoked" });
      const refresh = at.call(
        "refreshToken",
        { refreshToken: login.refreshToken },
        { token: login.token, deviceId: login.deviceId },
      );
      expect(await refusedCode(refresh)).toBe("INVALID_REFRESH_TOKEN");
    }
    expect(at.announced.at(-1)).toEqual({
      userId: first.userId,
      sessionIds: null,
      reason: "account_deleted",
    });
    expect(await at.deps.sessions.listSessions(first.userId)).toEqual([]);
    const audited = at.audited.filter((event) => event.type === "user.deleted");
    expect(audited).toHaveLength(1);
    expect(audited[0]).toMatchObject({ outcome: "success", details: { sessions: 2, groups: 0 } });
    expect(JSON.stringify(audited)).not.toContain(phone);
  });

  test("the phone number registers again as a new user, without the old one's chats", async () => {
    const before = await at.logIn(phone);
    const [other] = await at.createUsers(1);
    if (other === undefined) throw new Error("a user was asked for");
    await at.createGroup(before, [other]);
    await at.call("deleteMe", {}, as(before));
    const after = await at.logIn(phone);
    expect(after.isNewUser).toBe(true);
    expect(after.userId).not.toBe(before.userId);
    expect((await at.call("listChats", {}, as(after))).data).toEqual([]);
    expect((await at.call("getMe", {}, as(after))).displayName).toBeUndefined();
  });

  test("a code that was sent before opens nothing", async () => {
    const login = await at.logIn(phone);
    await at.clock.advance(15 * 60_000);
    const otp = await at.requestCode(phone);
    await at.call("deleteMe", {}, as(login));
    expect(await refusedCode(at.verify(phone, otp, login.deviceId))).toBe("INVALID_OTP");
  });

  test("others see a tombstone without a number, keep the messages and the direct chat", async () => {
    const [ann, bob] = await threeUsers();
    const { answer: chat } = await directChat(ann, bob);
    await at.send(chatIdOf(chat.chatId), ann, "hello");
    await at.call("deleteMe", {}, as(ann));
    const profile = await at.call("getUser", { userId: ann.userId }, as(bob));
    expect(profile).toMatchObject({ userId: ann.userId, displayName: "Deleted user" });
    const history = await at.call("listMessages", { chatId: chat.chatId }, as(bob));
    expect(history.data.map(({ senderId, content }) => [senderId, content])).toEqual([[ann.userId, "hello"]]);
    const again = await directChat(bob, ann);
    expect([again.answer.chatId, again.replayed]).toEqual([chat.chatId, true]);
    const lookup = at.call("lookupUsers", { phoneNumbers: [ann.phoneNumber] }, as(bob));
    await at.clock.advance(1000);
    expect((await lookup).notFound).toEqual([ann.phoneNumber]);
  });

  test("nobody can bring the tombstone into a chat", async () => {
    const [ann, bob, cat] = await threeUsers();
    const chatId = await at.createGroup(bob, [cat]);
    await at.call("deleteMe", {}, as(ann));
    const attempts = [
      directChat(bob, ann),
      at.call("createChat", { type: "group", name: "X", memberIds: [ann.userId] }, as(bob)),
      at.call("addMember", { chatId, userId: ann.userId }, as(bob)),
    ];
    for (const attempt of attempts) expect(await refusedCode(attempt)).toBe("USER_NOT_FOUND");
  });

  test("groups pass on, and every change is published in order", async () => {
    const [ann, bob, cat] = await threeUsers();
    const owned = await at.createGroup(ann, [bob, cat]);
    await at.call("changeRole", { chatId: owned, userId: cat.userId, role: "admin" }, as(ann));
    const joined = await at.createGroup(bob, [ann]);
    const before = (await at.events("memberships.changed")).length;
    await at.call("deleteMe", {}, as(ann));
    const detail = await at.call("getChat", { chatId: owned }, as(cat));
    expect(detail.members.map(({ userId, role }) => [userId, role]).sort()).toEqual(
      [
        [bob.userId, "member"],
        [cat.userId, "owner"],
      ].sort(),
    );
    const published = (await at.events("memberships.changed")).slice(before);
    const changesOf = (chatId: string) =>
      published
        .filter((event) => event.partition_key === chatId)
        .map((event) => event.payload as unknown as Record<string, unknown>)
        .map((payload) => [
          payload["change_type"],
          payload["user_id"],
          payload["role"],
          payload["member_count_after"],
          payload["changed_by"],
        ]);
    expect(changesOf(owned)).toEqual([
      ["removed", ann.userId, "owner", 2, ann.userId],
      ["role_changed", cat.userId, "owner", 2, ann.userId],
    ]);
    expect(changesOf(joined)).toEqual([["removed", ann.userId, "member", 1, ann.userId]]);
    expect(published).toHaveLength(3);
  });

  test("revocation_fail_secure: when tokens cannot be revoked nothing is deleted", async () => {
    const [ann] = await threeUsers();
    at.fail("revocation.revoke");
    expect(await refusedCode(at.call("deleteMe", {}, as(ann)))).toBe("SERVICE_UNAVAILABLE");
    at.heal("revocation.revoke");
    expect((await at.call("getMe", {}, as(ann))).userId).toBe(ann.userId);
    expect(at.auditTypes()).not.toContain("user.deleted");
  });

  test("when the store fails in the middle, the account is still there and a new login can end it", async () => {
    const login = await at.logIn(phone);
    at.fail("accounts.deleteAccount");
    expect(await refusedCode(at.call("deleteMe", {}, as(login)))).toBe("SERVICE_UNAVAILABLE");
    expect((await refusal(at.call("getMe", {}, as(login)))).details).toMatchObject({
      reason: "token_revoked",
    });
    at.heal("accounts.deleteAccount");
    const again = await at.logIn(phone);
    expect(again.userId).toBe(login.userId);
    await at.call("deleteMe", {}, as(again));
    expect((await at.logIn(phone)).isNewUser).toBe(true);
  });

  test("neither a lost announcement nor a lost event changes the answer", async () => {
    const [ann, bob] = await threeUsers();
    await at.createGroup(ann, [bob]);
    at.fail("revocation.announce");
    at.fail("eventLog.append");
    const ended = at.call("deleteMe", {}, as(ann));
    await at.clock.advance(10_000);
    await ended;
    expect(at.count("kafka_lifecycle_publish_failures_total")).toBe(2);
    expect((await at.call("getUser", { userId: ann.userId }, as(bob))).displayName).toBe("Deleted user");
  });

  test("of two calls at the same time one ends the account", async () => {
    const first = await at.logIn(phone);
    const second = await at.logIn(phone);
    const outcomes = await Promise.allSettled([
      at.call("deleteMe", {}, as(first)),
      at.call("deleteMe", {}, as(second)),
    ]);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(at.auditTypes().filter((type) => type === "user.deleted")).toHaveLength(1);
  });
});

describe("the cap on chats", () => {
  test("an existing direct chat is answered to a user who has no room for another", async () => {
    const [ann, bob, cat] = await threeUsers();
    const { answer: chat } = await directChat(ann, bob);
    const chats = createSqliteChatStore(at.storage, { groupMembersMax: 100 });
    for (let index = 1; index < limits.chatsPerUserMax; index += 1) {
      await chats.createGroup({
        chatId: at.ids.chatId(),
        name: "Team",
        createdBy: cat.userId,
        memberIds: [ann.userId],
        createdAtMs: at.clock.nowMs(),
        idempotency: undefined,
      });
    }
    expect(await refusedCode(directChat(ann, cat))).toBe("UNPROCESSABLE_ENTITY");
    const again = await directChat(ann, bob);
    expect([again.answer.chatId, again.replayed]).toEqual([chat.chatId, true]);
  });
});
