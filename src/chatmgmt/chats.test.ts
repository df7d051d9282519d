/**
 * Goal: chats come to be once, memberships follow the role matrix, and what happened is published after it happened.
 * Method: handlers on the embedded stores; the acceptance scenarios CT-CM, CM-05 to CM-08, REST-03, REST-05, REST-10.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mutedForever } from "../shared/domain/chat.ts";
import type { Event } from "../shared/events/envelope.ts";
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

function direct(from: LoggedIn, to: LoggedIn, idempotencyKey?: string) {
  const as = idempotencyKey === undefined ? { token: from.token } : { token: from.token, idempotencyKey };
  return at.callWithHeader("createChat", { type: "direct", memberIds: [to.userId] }, as);
}

function payloads(events: readonly Event[]) {
  return events.map((event) => event.payload);
}

describe("creating chats", () => {
  test("CT-CM-01 a group of 3: owner, members, count, counter", async () => {
    const chat = await at.call(
      "createChat",
      { type: "group", name: "Team", memberIds: [admin.userId, member.userId] },
      { token: owner.token },
    );
    expect(chat).toMatchObject({ type: "group", name: "Team", memberCount: 3, createdBy: owner.userId });
    expect(chat.members.map(({ userId, role }) => [userId, role])).toEqual(
      [owner, admin, member]
        .map((user) => [user.userId as string, user === owner ? "owner" : "member"])
        .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
    );
    const detail = await at.call("getChat", { chatId: chat.chatId }, { token: member.token });
    expect(detail.currentSequence).toBe(0n);
    expect(detail.myMembership).toMatchObject({ role: "member", lastAckedSequence: 0n });
  });

  test("CT-CM-01 a group of 100, and none of 101", async () => {
    await at.storage.close();
    at = await openFixture();
    const crowd = await at.createUsers(101);
    const [creator, ...others] = crowd as [LoggedIn, ...LoggedIn[]];
    const request = {
      type: "group",
      name: "Crowd",
      memberIds: others.slice(0, 99).map((user) => user.userId),
    };
    const chat = await at.call("createChat", request, { token: creator.token });
    expect([chat.memberCount, chat.members.length]).toEqual([100, 100]);
    const tooMany = { ...request, memberIds: others.map((user) => user.userId) };
    expect(await refusedCode(at.call("createChat", tooMany, { token: creator.token }))).toBe(
      "VALIDATION_ERROR",
    );
    const full = { chatId: chat.chatId, userId: others[99]?.userId ?? "" };
    expect(await refusedCode(at.call("addMember", full, { token: creator.token }))).toBe("CHAT_FULL");
  });

  test("CT-CM-02 event_follows_commit: ChatCreated, then one MembershipChanged per invited user in order", async () => {
    const chatId = await at.createGroup(owner, [member, admin]);
    const created = await at.events("chats.created");
    expect(payloads(created)).toEqual([
      {
        chat_id: chatId,
        chat_type: "group",
        name: "Team",
        status: "active",
        created_by: owner.userId,
        member_count: 3,
        initial_members: [owner.userId, member.userId, admin.userId],
        created_at: new Date(at.clock.nowMs()).toISOString(),
      },
    ]);
    const added = payloads(await at.events("memberships.changed"));
    const common = { chat_id: chatId, change_type: "added", role: "member", changed_by: owner.userId };
    expect(added).toMatchObject([
      { ...common, user_id: member.userId, member_count_after: 3 },
      { ...common, user_id: admin.userId, member_count_after: 3 },
    ]);
    await direct(owner, outsider);
    expect(await at.events("chats.created")).toHaveLength(2);
    expect(await at.events("memberships.changed")).toHaveLength(2);
  });

  test("REST-10, CT-CM-04 direct_chat_uniqueness: from both sides, at once and later, one chat", async () => {
    const all = await Promise.all([direct(owner, member), direct(member, owner), direct(owner, member)]);
    all.push(await direct(member, owner));
    expect(new Set(all.map(({ answer }) => answer.chatId)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await at.events("chats.created")).toHaveLength(1);
    expect(all[0]?.answer).toMatchObject({ type: "direct", memberCount: 2 });
    expect(all[0]?.answer.members.map(({ role }) => role)).toEqual(["member", "member"]);
  });

  test("REST-05 the same key and body: replay of the same chat, no new event; another body is refused", async () => {
    const idempotencyKey = at.ids.uuid();
    const request = { type: "group", name: "Team", memberIds: [member.userId] };
    const as = { token: owner.token, idempotencyKey };
    const first = await at.callWithHeader("createChat", request, as);
    await at.call("updateChat", { chatId: first.answer.chatId, name: "New" }, { token: owner.token });
    const second = await at.callWithHeader("createChat", request, as);
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.answer.chatId).toBe(first.answer.chatId);
    expect(second.answer.name).toBe("New");
    expect(await at.events("chats.created")).toHaveLength(1);
    const other = at.call("createChat", { ...request, name: "Other" }, as);
    expect(await refusedCode(other)).toBe("IDEMPOTENCY_KEY_REUSED");
    const byAnother = await at.callWithHeader(
      "createChat",
      { ...request, memberIds: [outsider.userId] },
      { token: member.token, idempotencyKey },
    );
    expect(byAnother.replayed).toBe(false);
  });

  test("REST-05 the same key while it runs is a conflict; a refused call leaves the key free", async () => {
    const as = { token: owner.token, idempotencyKey: at.ids.uuid() };
    const request = { type: "group", name: "Team", memberIds: [member.userId] };
    const unknown = { ...request, memberIds: [at.ids.userId()] };
    expect(await refusedCode(at.call("createChat", unknown, as))).toBe("USER_NOT_FOUND");
    const results = await Promise.allSettled([
      at.callWithHeader("createChat", request, as),
      at.callWithHeader("createChat", request, as),
    ]);
    expect(results[0]?.status).toBe("fulfilled");
    expect(results[1]).toMatchObject({ reason: { code: "CONFLICT" } });
    expect((await at.callWithHeader("createChat", request, as)).replayed).toBe(true);
  });

  test("REST-05 after 24 hours a key is new", async () => {
    const as = { token: owner.token, idempotencyKey: at.ids.uuid() };
    const request = { type: "group", name: "Team", memberIds: [member.userId] };
    const first = await at.callWithHeader("createChat", request, as);
    await at.clock.advance(24 * 3600 * 1000 + 1);
    const live = { jti: at.ids.ulid(), exp: Math.floor(at.clock.nowMs() / 1000) + 60 };
    const iat = Math.floor(at.clock.nowMs() / 1000);
    const sid = (await at.deps.sessions.listSessions(owner.userId))[0]?.sessionId;
    if (sid === undefined) throw new Error("the owner has no session");
    const token = await at.deps.accessTokens.sign({ sub: owner.userId, sid, iat, ...live });
    const second = await at.callWithHeader("createChat", request, { ...as, token });
    expect(second.replayed).toBe(false);
    expect(second.answer.chatId).not.toBe(first.answer.chatId);
  });

  test.each([
    ["oneself", () => [owner.userId]],
    ["a user twice", () => [member.userId, member.userId]],
    ["nobody", () => []],
  ])("a group that names %s is refused", async (_name, memberIds) => {
    const request = { type: "group", name: "Team", memberIds: memberIds() };
    expect(await refusedCode(at.call("createChat", request, { token: owner.token }))).toBe(
      "VALIDATION_ERROR",
    );
  });

  test("a group without a name and a direct chat of three are refused", async () => {
    const nameless = { type: "group", memberIds: [member.userId] };
    expect((await refusal(at.call("createChat", nameless, { token: owner.token }))).details).toMatchObject({
      field_errors: [{ field: "name", code: "REQUIRED" }],
    });
    const three = { type: "direct", memberIds: [member.userId, admin.userId] };
    expect(await refusedCode(at.call("createChat", three, { token: owner.token }))).toBe("VALIDATION_ERROR");
  });

  test("20 new groups a day: the next is refused until midnight", async () => {
    for (let count = 0; count < 20; count += 1) await at.createGroup(owner, [member]);
    const error = await refusal(at.createGroup(owner, [member]));
    expect(error.code).toBe("RATE_LIMITED");
    expect(error.details).toMatchObject({ limit: 20, retry_after_seconds: 14 * 3600 });
    expect((await direct(owner, member)).replayed).toBe(false);
  });

  test("the cap of groups per user is an UNPROCESSABLE_ENTITY", async () => {
    at.fail("chats.countGroupsOf", async () => 500);
    expect(await refusedCode(at.createGroup(owner, [member]))).toBe("UNPROCESSABLE_ENTITY");
  });

  test("CM-08 the log is down: the change stands, the failure is counted, after retries of 100, 500, 2000 ms", async () => {
    at.fail("eventLog.append");
    const chatId = at.createGroup(owner, [member]);
    await at.clock.advance(2599);
    expect(at.count("kafka_lifecycle_publish_failures_total")).toBe(0);
    await at.clock.advance(1);
    expect(await at.call("getChat", { chatId: await chatId }, { token: member.token })).toMatchObject({
      memberCount: 2,
    });
    expect(at.count("kafka_lifecycle_publish_failures_total")).toBe(2);
    expect(at.calls.filter((name) => name === "eventLog.append")).toHaveLength(4);
  });

  test("an event that the log takes at the third try is published once", async () => {
    let tries = 0;
    at.fail("eventLog.append", (records) => {
      tries += 1;
      if (tries === 3) at.heal("eventLog.append");
      if (tries < 3) throw new Error("not now");
      return at.deps.eventLog.append(records as never);
    });
    const created = at.createGroup(owner, [member]);
    await at.clock.advance(600);
    await created;
    expect(await at.events("chats.created")).toHaveLength(1);
    expect(at.count("kafka_lifecycle_publish_failures_total")).toBe(0);
  });
});

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
