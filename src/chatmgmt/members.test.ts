/**
 * Goal: memberships follow the role matrix, and what happened to them is published after it happened.
 * Method: handlers on the embedded stores; the acceptance scenarios CT-CM-03, CM-05 to CM-07, REST-03.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mutedForever } from "../shared/domain/chat.ts";
import { type Fixture, type LoggedIn, openFixture, refusal, refusedCode } from "./chatmgmt-fixture.ts";

let at: Fixture;
let users: LoggedIn[];
let owner: LoggedIn;
let admin: LoggedIn;
let member: LoggedIn;
let outsider: LoggedIn;

beforeEach(async () => {
  at = await openFixture();
  users = await at.createUsers(6);
  [owner, admin, member, outsider] = users as [LoggedIn, LoggedIn, LoggedIn, LoggedIn];
});
afterEach(async () => {
  await at.storage.close();
});

async function createTeam() {
  const chatId = await at.createGroup(owner, [admin, member]);
  await at.call("changeRole", { chatId, userId: admin.userId, role: "admin" }, { token: owner.token });
  return chatId;
}

function direct(from: LoggedIn, to: LoggedIn) {
  const request = { type: "direct", memberIds: [to.userId] };
  return at.callWithHeader("createChat", request, { token: from.token });
}

describe("members", () => {
  test("an owner adds members and admins, an admin adds members; the answer names who did it", async () => {
    const chatId = await createTeam();
    const added = await at.call("addMember", { chatId, userId: outsider.userId }, { token: admin.token });
    expect(added).toMatchObject({
      chatId,
      userId: outsider.userId,
      role: "member",
      displayName: "User 3",
      addedBy: admin.userId,
    });
    const asAdmin = { chatId, userId: users[4]?.userId ?? "", role: "admin" };
    expect((await refusal(at.call("addMember", asAdmin, { token: admin.token }))).details).toEqual({
      required_role: "owner",
      your_role: "admin",
    });
    expect((await at.call("addMember", asAdmin, { token: owner.token })).role).toBe("admin");
    const last = (await at.events("memberships.changed")).at(-1);
    expect(last?.payload).toMatchObject({ change_type: "added", role: "admin", member_count_after: 5 });
  });

  test("CT-CM-03 the same user added twice at once: one is added, one is told since when", async () => {
    const chatId = await createTeam();
    const request = { chatId, userId: outsider.userId };
    const results = await Promise.allSettled([
      at.call("addMember", request, { token: owner.token }),
      at.call("addMember", request, { token: admin.token }),
    ]);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    const rejected = results.find((result) => result.status === "rejected");
    expect(rejected?.reason).toMatchObject({
      code: "ALREADY_A_MEMBER",
      details: { user_id: outsider.userId, chat_id: chatId, joined_at: expect.any(String) },
    });
  });

  test("CT-CM-03 direct_chat_immutable_membership: every change of a direct chat is an INVALID_OPERATION", async () => {
    const { chatId } = (await direct(owner, member)).answer;
    const as = { token: owner.token };
    const changes = [
      at.call("addMember", { chatId, userId: outsider.userId }, as),
      at.call("removeMember", { chatId, userId: member.userId }, as),
      at.call("changeRole", { chatId, userId: member.userId, role: "admin" }, as),
      at.call("leaveChat", { chatId }, as),
      at.call("updateChat", { chatId, name: "Us" }, as),
    ];
    for (const change of changes) expect(await refusedCode(change)).toBe("INVALID_OPERATION");
  });

  test("CM-05 owner_always_exists: the owner neither leaves nor is removed nor loses the role", async () => {
    const chatId = await createTeam();
    const userId = owner.userId;
    const attempts = [
      at.call("leaveChat", { chatId }, { token: owner.token }),
      at.call("removeMember", { chatId, userId }, { token: admin.token }),
      at.call("removeMember", { chatId, userId }, { token: owner.token }),
      at.call("changeRole", { chatId, userId, role: "member" }, { token: owner.token }),
    ];
    for (const attempt of attempts) expect(await refusedCode(attempt)).toBe("INVALID_OPERATION");
    const { members } = await at.call("getChat", { chatId }, { token: member.token });
    expect(members.filter(({ role }) => role === "owner").map((one) => one.userId)).toEqual([userId]);
  });

  test("CM-06 member adds, admin changes a role, member removes, admin removes an admin: FORBIDDEN", async () => {
    const chatId = await createTeam();
    const second = users[4] as LoggedIn;
    await at.call("addMember", { chatId, userId: second.userId, role: "admin" }, { token: owner.token });
    const asMember = { token: member.token };
    const asAdmin = { token: admin.token };
    const attempts = [
      [at.call("addMember", { chatId, userId: outsider.userId }, asMember), "admin"],
      [at.call("removeMember", { chatId, userId: admin.userId }, asMember), "admin"],
      [at.call("updateChat", { chatId, name: "Mine" }, asMember), "admin"],
      [at.call("changeRole", { chatId, userId: member.userId, role: "admin" }, asAdmin), "owner"],
      [at.call("removeMember", { chatId, userId: second.userId }, asAdmin), "owner"],
    ] as const;
    for (const [attempt, required] of attempts) {
      const error = await refusal(attempt);
      expect(error.code).toBe("FORBIDDEN");
      expect(error.details).toMatchObject({ required_role: required });
    }
  });

  test("CM-06, REST-03 authorization_requires_membership: an outsider is NOT_A_MEMBER everywhere, an unknown chat NOT_FOUND", async () => {
    const chatId = await createTeam();
    await at.send(chatId, owner, "hello");
    const messageId = at.ids.messageId();
    for (const [id, code] of [
      [chatId, "NOT_A_MEMBER"],
      [at.ids.chatId(), "NOT_FOUND"],
    ] as const) {
      const as = { token: outsider.token };
      const attempts = [
        at.call("getChat", { chatId: id }, as),
        at.call("updateChat", { chatId: id, name: "x" }, as),
        at.call("addMember", { chatId: id, userId: outsider.userId }, as),
        at.call("removeMember", { chatId: id, userId: member.userId }, as),
        at.call("changeRole", { chatId: id, userId: member.userId, role: "admin" }, as),
        at.call("leaveChat", { chatId: id }, as),
        at.call("muteChat", { chatId: id }, as),
        at.call("unmuteChat", { chatId: id }, as),
        at.call("listMessages", { chatId: id }, as),
        at.call("getMessage", { chatId: id, messageId }, as),
        at.call("getMessagesAround", { chatId: id, sequence: 1n }, as),
        at.call("getDeliveryStatus", { chatId: id }, as),
        at.call("setDeliveryState", { chatId: id, lastAckedSequence: 1n }, as),
        at.call("setDeliveryStateAlias", { chatId: id, lastAckedSequence: 1n }, as),
      ];
      for (const attempt of attempts) expect(await refusedCode(attempt)).toBe(code);
    }
    expect(at.auditTypes().filter((type) => type === "access.membership_violation")).toHaveLength(14);
  });

  test("CM-07 a removed member has no access any more, the count falls, the event tells the lost role", async () => {
    const chatId = await createTeam();
    await at.send(chatId, owner, "hello");
    await at.call("removeMember", { chatId, userId: admin.userId }, { token: owner.token });
    expect(await refusedCode(at.call("listMessages", { chatId }, { token: admin.token }))).toBe(
      "NOT_A_MEMBER",
    );
    expect((await at.call("getChat", { chatId }, { token: member.token })).memberCount).toBe(2);
    expect((await at.events("memberships.changed")).at(-1)?.payload).toMatchObject({
      user_id: admin.userId,
      change_type: "removed",
      role: "admin",
      changed_by: owner.userId,
      member_count_after: 2,
    });
    const gone = at.call("removeMember", { chatId, userId: admin.userId }, { token: owner.token });
    expect(await refusedCode(gone)).toBe("NOT_FOUND");
  });

  test("a member leaves; the event names the leaver; delivery state survives", async () => {
    const chatId = await createTeam();
    await at.send(chatId, owner, "one", "two");
    await at.call("setDeliveryState", { chatId, lastAckedSequence: 2n }, { token: member.token });
    await at.call("leaveChat", { chatId }, { token: member.token });
    expect((await at.events("memberships.changed")).at(-1)?.payload).toMatchObject({
      user_id: member.userId,
      change_type: "removed",
      changed_by: member.userId,
    });
    expect(await refusedCode(at.call("leaveChat", { chatId }, { token: member.token }))).toBe("NOT_A_MEMBER");
    await at.call("addMember", { chatId, userId: member.userId }, { token: owner.token });
    const { items } = await at.call("listDeliveryState", { chatIds: [chatId] }, { token: member.token });
    expect(items[0]?.lastAckedSequence).toBe(2n);
  });

  test("a role that somebody has already is no change and no event", async () => {
    const chatId = await createTeam();
    const before = (await at.events("memberships.changed")).length;
    const same = { chatId, userId: admin.userId, role: "admin" };
    expect(await at.call("changeRole", same, { token: owner.token })).toMatchObject({
      role: "admin",
      updatedBy: owner.userId,
    });
    expect(await at.events("memberships.changed")).toHaveLength(before);
    const unknown = { chatId, userId: outsider.userId, role: "admin" };
    expect(await refusedCode(at.call("changeRole", unknown, { token: owner.token }))).toBe("NOT_FOUND");
  });

  test("adding with a key: replay of the current state, and a user that does not exist", async () => {
    const chatId = await createTeam();
    const as = { token: owner.token, idempotencyKey: at.ids.uuid() };
    const request = { chatId, userId: outsider.userId };
    expect((await at.callWithHeader("addMember", request, as)).replayed).toBe(false);
    await at.call("changeRole", { ...request, role: "admin" }, { token: owner.token });
    const again = await at.callWithHeader("addMember", request, as);
    expect(again).toMatchObject({ replayed: true, answer: { role: "admin" } });
    const nobody = { chatId, userId: at.ids.userId() };
    expect(await refusedCode(at.call("addMember", nobody, { token: owner.token }))).toBe("USER_NOT_FOUND");
  });

  test("mute for hours, for ever, and not at all; a mute that is over reads as none", async () => {
    const { chatId } = (await direct(owner, member)).answer;
    const as = { token: owner.token };
    const mutedUntil = async () => (await at.call("getChat", { chatId }, as)).myMembership?.mutedUntil;
    const eightHours = await at.call("muteChat", { chatId, durationHours: 8 }, as);
    expect(Date.parse(eightHours.mutedUntil ?? "")).toBe(at.clock.nowMs() + 8 * 3600 * 1000);
    expect(await mutedUntil()).toBe(eightHours.mutedUntil as string);
    await at.call("muteChat", { chatId }, as);
    expect(await mutedUntil()).toBe(mutedForever);
    expect((await at.call("unmuteChat", { chatId }, as)).mutedUntil).toBeUndefined();
    expect(await mutedUntil()).toBeUndefined();
    await at.deps.chats.setMutedUntil(
      chatId as never,
      owner.userId,
      new Date(at.clock.nowMs()).toISOString(),
    );
    expect(await mutedUntil()).toBeUndefined();
  });
});
