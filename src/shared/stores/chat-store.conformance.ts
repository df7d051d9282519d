/** What every chat store must do. Tests carry the names of the invariants of ADR-016. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mutedForever } from "../domain/chat.ts";
import type { ChatId, UserId } from "../domain/ids.ts";
import type { AddMemberOutcome, ChatStore, Membership } from "./chat-store.ts";
import { refusalOf } from "./conformance-refusal.ts";
import type { NewRestIdempotencyRecord, RestIdempotencyStore } from "./rest-idempotency-store.ts";

export interface OpenChatStore {
  /** For groups of at most 100. */
  readonly store: ChatStore;
  readonly idempotency: RestIdempotencyStore;
  /** The counter of a chat, straight from the store; undefined where there is no counter row. */
  counter(chatId: ChatId): Promise<number | undefined>;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const user = (name: number | string): UserId => `user_${name}` as UserId;
const chatIdOf = (name: number | string): ChatId => `chat_${name}` as ChatId;
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const nobody = user("nobody");

function recordOf(key: string, chatId: ChatId, createdAtMs = startMs): NewRestIdempotencyRecord {
  return {
    scopeKey: `user_0#POST /chats#${key}`,
    requestHash: "ab12",
    statusCode: 201,
    resourceIds: { chat_id: chatId },
    createdAtMs,
  };
}

export function chatStoreConformance(name: string, open: () => Promise<OpenChatStore>): void {
  describe(`${name} as ChatStore`, () => {
    let opened: OpenChatStore;
    let store: ChatStore;

    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(() => opened.close());

    const direct = (chat: string, a: number, b: number, idempotency?: NewRestIdempotencyRecord) =>
      store.createDirect({
        chatId: chatIdOf(chat),
        createdBy: user(a),
        otherUserId: user(b),
        createdAtMs: startMs,
        idempotency,
      });
    /** User 0 owns it; users 1 … members - 1 are in it. */
    const group = (chat: string, members: number, idempotency?: NewRestIdempotencyRecord) =>
      store.createGroup({
        chatId: chatIdOf(chat),
        name: "Team",
        createdBy: user(0),
        memberIds: range(members - 1).map((index) => user(index + 1)),
        createdAtMs: startMs,
        idempotency,
      });
    const add = (
      chat: string,
      userId: UserId,
      idempotency?: NewRestIdempotencyRecord,
    ): Promise<AddMemberOutcome> =>
      store.addMember({
        chatId: chatIdOf(chat),
        userId,
        role: "member",
        joinedAtMs: startMs + 1000,
        idempotency,
      });
    /** What must hold for every group at any time. */
    const checkGroup = async (chat: string): Promise<readonly Membership[]> => {
      const members = await store.listMembers(chatIdOf(chat));
      const found = await store.getChat(chatIdOf(chat));
      expect(found?.memberCount).toBe(members.length);
      expect(members.filter((member) => member.role === "owner")).toHaveLength(1);
      expect(members.length).toBeLessThanOrEqual(100);
      return members;
    };

    test("a direct chat has its index, its counter and two members at once", async () => {
      const expected = {
        chatId: chatIdOf("d"),
        type: "direct",
        name: null,
        createdBy: user(1),
        createdAtMs: startMs,
        updatedAtMs: startMs,
        memberCount: 2,
      } as const;
      expect(await direct("d", 1, 2)).toEqual({ created: true, chat: expected });
      expect(await store.getChat(chatIdOf("d"))).toEqual(expected);
      expect(await opened.counter(chatIdOf("d"))).toBe(0);
      expect(await store.listMembers(chatIdOf("d"))).toEqual(
        [1, 2].map((index) => ({
          chatId: chatIdOf("d"),
          userId: user(index),
          role: "member",
          joinedAtMs: startMs,
          mutedUntil: null,
        })),
      );
    });

    test("direct_chat_uniqueness: a second creation, by either side, answers the chat that exists", async () => {
      const { chat } = await direct("first", 1, 2);
      expect(await direct("second", 1, 2)).toEqual({ created: false, chat });
      expect(await direct("third", 2, 1)).toEqual({ created: false, chat });
      expect(await store.getChats([chatIdOf("second"), chatIdOf("third")])).toEqual([undefined, undefined]);
      expect(await opened.counter(chatIdOf("second"))).toBeUndefined();
      expect((await direct("other", 1, 3)).created).toBe(true);
    });

    test("direct_chat_uniqueness, direct_chat_index_consistent: of creators that race one wins, all get its chat", async () => {
      const answers = await Promise.all(
        range(20).map((index) => direct(`race${index}`, index % 2 === 0 ? 1 : 2, index % 2 === 0 ? 2 : 1)),
      );
      expect(answers.filter((answer) => answer.created)).toHaveLength(1);
      const ids = new Set(answers.map((answer) => answer.chat.chatId));
      expect(ids.size).toBe(1);
      expect((await store.listMembershipsOf(user(1))).map((member) => member.chatId)).toEqual([...ids]);
      const losers = range(20)
        .map((index) => chatIdOf(`race${index}`))
        .filter((chatId) => !ids.has(chatId));
      expect(await store.getChats(losers)).toEqual(losers.map(() => undefined));
    });

    test("a direct chat with oneself is a programmer's mistake", async () => {
      expect(await refusalOf(direct("self", 1, 1))).toBeInstanceOf(Error);
      expect(await store.getChat(chatIdOf("self"))).toBeUndefined();
    });

    test("a group has its counter, its owner and all its members at once", async () => {
      const chat = await group("g", 4);
      expect(chat).toEqual({
        chatId: chatIdOf("g"),
        type: "group",
        name: "Team",
        createdBy: user(0),
        createdAtMs: startMs,
        updatedAtMs: startMs,
        memberCount: 4,
      });
      expect(await opened.counter(chatIdOf("g"))).toBe(0);
      const members = await checkGroup("g");
      expect(members.map((member) => [member.userId, member.role])).toEqual([
        [user(0), "owner"],
        [user(1), "member"],
        [user(2), "member"],
        [user(3), "member"],
      ]);
    });

    test("group_size_bounded: 100 members are created, 101 are refused and leave nothing", async () => {
      await group("full", 100);
      expect(await checkGroup("full")).toHaveLength(100);
      expect(await refusalOf(group("toofull", 101))).toMatchObject({ code: "CHAT_FULL" });
      expect(await store.getChat(chatIdOf("toofull"))).toBeUndefined();
      expect(await opened.counter(chatIdOf("toofull"))).toBeUndefined();
      expect(await store.listMembers(chatIdOf("toofull"))).toEqual([]);
    });

    test("group_size_bounded: of adds that race for the last places exactly as many succeed", async () => {
      await group("g", 97);
      const outcomes = await Promise.all(range(10).map((index) => add("g", user(`new${index}`))));
      const added = outcomes.flatMap((outcome) => (outcome.kind === "added" ? [outcome.memberCount] : []));
      expect(added.sort()).toEqual([100, 98, 99]);
      expect(outcomes.filter((outcome) => outcome.kind === "chat_full")).toEqual(
        range(7).map(() => ({ kind: "chat_full", memberCount: 100 })),
      );
      expect(await checkGroup("g")).toHaveLength(100);
    });

    test("adding answers the membership and the count; adding again the membership that exists", async () => {
      await group("g", 2);
      const membership: Membership = {
        chatId: chatIdOf("g"),
        userId: user(9),
        role: "admin",
        joinedAtMs: startMs + 5000,
        mutedUntil: null,
      };
      const added = await store.addMember({
        chatId: chatIdOf("g"),
        userId: user(9),
        role: "admin",
        joinedAtMs: startMs + 5000,
        idempotency: undefined,
      });
      expect(added).toEqual({ kind: "added", membership, memberCount: 3 });
      expect(await add("g", user(9))).toEqual({ kind: "already_a_member", membership });
      expect(await store.getChat(chatIdOf("g"))).toMatchObject({
        memberCount: 3,
        updatedAtMs: startMs + 5000,
      });
    });

    test("a full group says already_a_member to its own", async () => {
      await group("g", 100);
      expect((await add("g", user(5))).kind).toBe("already_a_member");
    });

    test("of adds of one user that race exactly one adds", async () => {
      await group("g", 2);
      const outcomes = await Promise.all(range(10).map(() => add("g", user(9))));
      expect(outcomes.filter((outcome) => outcome.kind === "added")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.kind === "already_a_member")).toHaveLength(9);
      expect(await checkGroup("g")).toHaveLength(3);
    });

    test("removing answers the membership that was lost; removing again not_a_member", async () => {
      await group("g", 3);
      await store.changeRole(chatIdOf("g"), user(1), "admin", startMs + 1);
      expect(await store.removeMember(chatIdOf("g"), user(1), startMs + 2000)).toEqual({
        kind: "removed",
        membership: {
          chatId: chatIdOf("g"),
          userId: user(1),
          role: "admin",
          joinedAtMs: startMs,
          mutedUntil: null,
        },
        memberCount: 2,
      });
      expect(await store.memberships([{ chatId: chatIdOf("g"), userId: user(1) }])).toEqual([undefined]);
      expect(await store.listMembershipsOf(user(1))).toEqual([]);
      expect(await store.removeMember(chatIdOf("g"), user(1), startMs)).toEqual({ kind: "not_a_member" });
      expect(await store.getChat(chatIdOf("g"))).toMatchObject({
        memberCount: 2,
        updatedAtMs: startMs + 2000,
      });
      await checkGroup("g");
    });

    test("of removals that race exactly one removes", async () => {
      await group("g", 3);
      const outcomes = await Promise.all(
        range(10).map(() => store.removeMember(chatIdOf("g"), user(1), startMs)),
      );
      expect(outcomes.filter((outcome) => outcome.kind === "removed")).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.kind === "not_a_member")).toHaveLength(9);
      expect(await checkGroup("g")).toHaveLength(2);
    });

    test("member_count_eventually_consistent: adds and removals that race leave count and rows equal", async () => {
      await group("g", 20);
      await Promise.all(
        range(60).map((index) =>
          index % 2 === 0
            ? add("g", user(index % 30))
            : store.removeMember(chatIdOf("g"), user(index % 30), startMs),
        ),
      );
      await checkGroup("g");
    });

    test("owner_always_exists: the owner cannot be removed, demoted or replaced", async () => {
      await group("g", 3);
      expect(await store.removeMember(chatIdOf("g"), user(0), startMs)).toEqual({ kind: "is_owner" });
      expect(await store.changeRole(chatIdOf("g"), user(0), "member", startMs)).toEqual({ kind: "is_owner" });
      expect((await add("g", user(0))).kind).toBe("already_a_member");
      for (const index of [1, 2]) await store.removeMember(chatIdOf("g"), user(index), startMs);
      expect(await checkGroup("g")).toHaveLength(1);
    });

    test("a role changes; the same role again is a change from itself; strangers have none", async () => {
      await group("g", 2);
      const membership = {
        chatId: chatIdOf("g"),
        userId: user(1),
        role: "admin",
        joinedAtMs: startMs,
        mutedUntil: null,
      } as const;
      expect(await store.changeRole(chatIdOf("g"), user(1), "admin", startMs)).toEqual({
        kind: "changed",
        membership,
        previousRole: "member",
      });
      expect(await store.changeRole(chatIdOf("g"), user(1), "admin", startMs)).toEqual({
        kind: "changed",
        membership,
        previousRole: "admin",
      });
      expect(await store.memberships([{ chatId: chatIdOf("g"), userId: user(1) }])).toEqual([membership]);
      expect(await store.changeRole(chatIdOf("g"), nobody, "admin", startMs)).toEqual({
        kind: "not_a_member",
      });
    });

    test("direct_chat_immutable_membership: no add, removal, role or name, whoever it is about", async () => {
      await direct("d", 1, 2);
      const chatId = chatIdOf("d");
      const before = [await store.getChat(chatId), await store.listMembers(chatId)];
      for (const userId of [user(1), user(2), nobody]) {
        expect(await add("d", userId)).toEqual({ kind: "not_a_group" });
        expect(await store.removeMember(chatId, userId, startMs + 1)).toEqual({ kind: "not_a_group" });
        expect(await store.changeRole(chatId, userId, "admin", startMs + 1)).toEqual({ kind: "not_a_group" });
      }
      expect(await store.rename(chatId, "New", startMs + 1)).toBeUndefined();
      expect([await store.getChat(chatId), await store.listMembers(chatId)]).toEqual(before);
    });

    test("a chat that does not exist is no group and has no members", async () => {
      const chatId = chatIdOf("none");
      expect(await store.getChat(chatId)).toBeUndefined();
      expect(await store.listMembers(chatId)).toEqual([]);
      expect(await add("none", user(1))).toEqual({ kind: "not_a_group" });
      expect(await store.removeMember(chatId, user(1), startMs)).toEqual({ kind: "not_a_group" });
      expect(await store.changeRole(chatId, user(1), "admin", startMs)).toEqual({ kind: "not_a_group" });
      expect(await store.setMutedUntil(chatId, user(1), mutedForever)).toBeUndefined();
      expect(await store.rename(chatId, "New", startMs)).toBeUndefined();
      expect(await store.memberships([{ chatId, userId: user(1) }])).toEqual([undefined]);
    });

    test("authorization_requires_membership: memberships come in the order asked, undefined for strangers", async () => {
      await group("g", 3);
      await direct("d", 1, 2);
      const keys = [
        { chatId: chatIdOf("g"), userId: user(2) },
        { chatId: chatIdOf("g"), userId: nobody },
        { chatId: chatIdOf("d"), userId: user(1) },
        { chatId: chatIdOf("d"), userId: user(0) },
        { chatId: chatIdOf("g"), userId: user(0) },
        { chatId: chatIdOf("g"), userId: user(2) },
      ];
      const found = await store.memberships(keys);
      expect(found.map((membership) => membership?.role)).toEqual([
        "member",
        undefined,
        "member",
        undefined,
        "owner",
        "member",
      ]);
      expect(found[4]).toEqual({
        ...keys[4],
        role: "owner",
        joinedAtMs: startMs,
        mutedUntil: null,
      } as Membership);
      expect(await store.memberships([])).toEqual([]);
    });

    test("memberships of many keys at once", async () => {
      await group("g", 100);
      const keys = range(500).map((index) => ({ chatId: chatIdOf("g"), userId: user(index) }));
      const found = await store.memberships(keys);
      expect(found.map((membership) => membership?.userId)).toEqual(
        keys.map(({ userId }, index) => (index < 100 ? userId : undefined)),
      );
    });

    test("a mute is set, changed and lifted, in direct chats too, and touches nothing else", async () => {
      await direct("d", 1, 2);
      const chatId = chatIdOf("d");
      const muted = await store.setMutedUntil(chatId, user(1), mutedForever);
      expect(muted).toMatchObject({ userId: user(1), mutedUntil: mutedForever });
      const until = "2026-02-01T00:00:00.000Z";
      expect(await store.setMutedUntil(chatId, user(1), until)).toMatchObject({ mutedUntil: until });
      expect((await store.listMembers(chatId)).map((member) => member.mutedUntil)).toEqual([until, null]);
      expect(await store.setMutedUntil(chatId, user(1), null)).toMatchObject({ mutedUntil: null });
      expect(await store.setMutedUntil(chatId, nobody, until)).toBeUndefined();
      expect(await store.getChat(chatId)).toMatchObject({ updatedAtMs: startMs });
    });

    test("a group is renamed; its last change never moves back", async () => {
      await group("g", 2);
      const renamed = await store.rename(chatIdOf("g"), "Ünïcode 🎉", startMs + 10);
      expect(renamed).toMatchObject({ name: "Ünïcode 🎉", updatedAtMs: startMs + 10, createdAtMs: startMs });
      expect(await store.rename(chatIdOf("g"), "Again", startMs + 5)).toMatchObject({
        name: "Again",
        updatedAtMs: startMs + 10,
      });
      expect(await store.getChat(chatIdOf("g"))).toMatchObject({ name: "Again" });
    });

    test("members come by joining time, then id", async () => {
      await store.createGroup({
        chatId: chatIdOf("g"),
        name: "Team",
        createdBy: user("m"),
        memberIds: [user("z"), user("a")],
        createdAtMs: startMs,
        idempotency: undefined,
      });
      await store.addMember({
        chatId: chatIdOf("g"),
        userId: user("0"),
        role: "member",
        joinedAtMs: startMs + 1,
        idempotency: undefined,
      });
      expect((await store.listMembers(chatIdOf("g"))).map((member) => member.userId)).toEqual(
        ["a", "m", "z", "0"].map(user),
      );
    });

    test("a user's memberships are all of theirs; groups are counted without direct chats", async () => {
      await group("g1", 3);
      await group("g2", 2);
      await direct("d", 1, 2);
      const chatIds = (await store.listMembershipsOf(user(1))).map((membership) => membership.chatId);
      expect(chatIds.sort()).toEqual([chatIdOf("d"), chatIdOf("g1"), chatIdOf("g2")]);
      expect(await store.countGroupsOf(user(1))).toBe(2);
      expect(await store.countGroupsOf(user(2))).toBe(1);
      expect(await store.countGroupsOf(nobody)).toBe(0);
      expect(await store.listMembershipsOf(nobody)).toEqual([]);
    });

    test("chats come in the order asked", async () => {
      await group("g", 2);
      await direct("d", 1, 2);
      const chats = await store.getChats([chatIdOf("d"), chatIdOf("none"), chatIdOf("g"), chatIdOf("d")]);
      expect(chats.map((chat) => chat?.type)).toEqual(["direct", undefined, "group", "direct"]);
      expect(await store.getChats([])).toEqual([]);
    });

    describe("the idempotency record given along", () => {
      const find = (record: NewRestIdempotencyRecord) =>
        opened.idempotency.find(record.scopeKey, startMs + 1);

      test("becomes visible with the effect", async () => {
        const records = ["d", "g", "m"].map((key) => recordOf(key, chatIdOf(key)));
        const [ofDirect, ofGroup, ofMember] = records as [
          NewRestIdempotencyRecord,
          NewRestIdempotencyRecord,
          NewRestIdempotencyRecord,
        ];
        await direct("d", 1, 2, ofDirect);
        await group("g", 2, ofGroup);
        await add("g", user(7), ofMember);
        expect(await Promise.all(records.map(find))).toEqual(records);
      });

      test("that exists already refuses the call with CONFLICT, and nothing is written", async () => {
        const record = recordOf("k", chatIdOf("first"));
        await group("first", 2, record);
        const again = { ...record, requestHash: "cd34" };
        expect(await refusalOf(group("second", 2, again))).toMatchObject({ code: "CONFLICT" });
        expect(await refusalOf(direct("third", 1, 2, again))).toMatchObject({ code: "CONFLICT" });
        expect(await refusalOf(add("first", user(7), again))).toMatchObject({ code: "CONFLICT" });
        expect(await store.getChats([chatIdOf("second"), chatIdOf("third")])).toEqual([undefined, undefined]);
        expect(await opened.counter(chatIdOf("second"))).toBeUndefined();
        expect(await store.listMembershipsOf(user(7))).toEqual([]);
        expect((await direct("fourth", 1, 2)).created).toBe(true);
        expect(await find(record)).toEqual(record);
        await checkGroup("first");
      });

      test("lets exactly one of the calls that race with it through", async () => {
        const results = await Promise.allSettled(
          range(10).map((index) => group(`race${index}`, 3, recordOf("k", chatIdOf(`race${index}`)))),
        );
        expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
        for (const result of results) {
          if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "CONFLICT" });
        }
        expect(await store.listMembershipsOf(user(0))).toHaveLength(1);
      });

      test("is not written by a refusal, nor where the direct chat existed", async () => {
        const record = recordOf("k", chatIdOf("g"));
        await group("g", 100);
        await direct("d", 1, 2);
        expect((await add("g", nobody, record)).kind).toBe("chat_full");
        expect((await add("g", user(1), record)).kind).toBe("already_a_member");
        expect((await add("d", nobody, record)).kind).toBe("not_a_group");
        expect((await direct("again", 2, 1, record)).created).toBe(false);
        expect(await find(record)).toBeUndefined();
      });

      test("older than 24 h gives way to a new one", async () => {
        const old = recordOf("k", chatIdOf("old"));
        await group("old", 2, old);
        const dayMs = 24 * 3600 * 1000;
        expect(
          await refusalOf(group("early", 2, recordOf("k", chatIdOf("early"), startMs + dayMs - 1))),
        ).toMatchObject({ code: "CONFLICT" });
        const renewed = recordOf("k", chatIdOf("new"), startMs + dayMs);
        await group("new", 2, renewed);
        expect(await opened.idempotency.find(renewed.scopeKey, startMs + dayMs + 1)).toEqual(renewed);
      });
    });
  });
}
