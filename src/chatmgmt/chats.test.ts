/**
 * Goal: chats come to be once, and what happened is published after it happened.
 * Method: handlers on the embedded stores; the acceptance scenarios CT-CM-01, -02, -04, CM-08, REST-05, REST-10.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
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

function direct(from: LoggedIn, to: LoggedIn) {
  const request = { type: "direct", memberIds: [to.userId] };
  return at.callWithHeader("createChat", request, { token: from.token });
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

  test("L24 the cap of groups per user is an UNPROCESSABLE_ENTITY", async () => {
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
