/** What the end of an account must do, in all stores that know of it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { ChatId, DeviceId, SessionId, UserId } from "../domain/ids.ts";
import { type AccountStore, deletedUserName } from "./account-store.ts";
import type { ChatStore } from "./chat-store.ts";
import { refusalOf } from "./conformance-refusal.ts";
import type { OtpStore } from "./otp-store.ts";
import type { NewRestIdempotencyRecord, RestIdempotencyStore } from "./rest-idempotency-store.ts";
import type { SessionStore } from "./session-store.ts";
import { isDeleted, type User, type UserStore } from "./user-store.ts";

export interface OpenAccountStore {
  readonly store: AccountStore;
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly chats: ChatStore;
  readonly otps: OtpStore;
  readonly restIdempotency: RestIdempotencyStore;
  close(): Promise<void>;
}

const startMs = 1_769_853_600_000;
const nowMs = startMs + 1_000_000;

function userOf(number: number): User {
  return {
    userId: `user_${number}` as UserId,
    phoneNumber: `+1415555${String(number).padStart(4, "0")}`,
    displayName: `User ${number}`,
    createdAtMs: startMs,
    updatedAtMs: startMs,
  };
}

function idempotencyOf(userId: UserId, key: string): NewRestIdempotencyRecord {
  return {
    scopeKey: `${userId}#POST /chats#${key}`,
    requestHash: "h",
    statusCode: 201,
    resourceIds: {},
    createdAtMs: nowMs,
  };
}

const [ann, bob, cat, dan] = [userOf(1), userOf(2), userOf(3), userOf(12)] as const;
const phoneHash = "hash-of-ann";
const chatOf = (name: string): ChatId => `chat_${name}` as ChatId;

export function accountStoreConformance(name: string, open: () => Promise<OpenAccountStore>): void {
  describe(`${name} as AccountStore`, () => {
    let at: OpenAccountStore;

    beforeEach(async () => {
      at = await open();
      await at.users.createUsers([ann, bob, cat, dan]);
    });
    afterEach(() => at.close());

    const deleteAnn = () => at.store.deleteAccount({ userId: ann.userId, phoneHash, nowMs });

    async function createSession(user: User, number: number): Promise<SessionId> {
      const sessionId = `sess_${number}` as SessionId;
      await at.sessions.createSessions([
        {
          sessionId,
          userId: user.userId,
          deviceId: `device-${number}` as DeviceId,
          refreshTokenHash: `hash-${number}`,
          previousTokenHash: null,
          tokenFamily: "family",
          tokenGeneration: 0,
          liveTokens: [{ jti: `jti-${number}`, exp: 1_769_857_200 }],
          createdAtMs: startMs,
          expiresAtMs: startMs + 1_000_000_000,
          lastActiveAtMs: startMs,
        },
      ]);
      return sessionId;
    }

    /** A group whose members joined in the order given. */
    async function createGroup(chatId: ChatId, owner: User, members: readonly User[]): Promise<void> {
      const [first, ...later] = members;
      if (first === undefined) throw new Error("a group needs a member beside its owner");
      await at.chats.createGroup({
        chatId,
        name: "Team",
        createdBy: owner.userId,
        memberIds: [first.userId],
        createdAtMs: startMs,
        idempotency: undefined,
      });
      for (const [index, user] of later.entries()) {
        await at.chats.addMember({
          chatId,
          userId: user.userId,
          role: "member",
          joinedAtMs: startMs + index + 1,
          idempotency: undefined,
        });
      }
    }

    async function rolesIn(chatId: ChatId): Promise<Readonly<Record<string, string>>> {
      const members = await at.chats.listMembers(chatId);
      return Object.fromEntries(members.map(({ userId, role }) => [userId, role]));
    }

    test("the profile becomes a tombstone that cannot be found by number nor renamed", async () => {
      expect(await deleteAnn()).toEqual({ sessions: [], left: [] });
      const [tombstone] = await at.users.getUsers([ann.userId]);
      expect(tombstone).toEqual({
        userId: ann.userId,
        phoneNumber: "",
        displayName: deletedUserName,
        createdAtMs: startMs,
        updatedAtMs: nowMs,
      });
      expect(tombstone !== undefined && isDeleted(tombstone)).toBe(true);
      expect(await at.users.findByPhone([ann.phoneNumber, ""])).toEqual([undefined, undefined]);
      expect(await at.users.setDisplayName(ann.userId, "Ann again", nowMs)).toBeUndefined();
    });

    test("it works once; nobody has no account", async () => {
      expect(await deleteAnn()).toBeDefined();
      expect(await deleteAnn()).toBeUndefined();
      expect(
        await at.store.deleteAccount({ userId: "user_nobody" as UserId, phoneHash, nowMs }),
      ).toBeUndefined();
    });

    test("the phone number is free for a new user, whose own end is possible too", async () => {
      await deleteAnn();
      const again: User = { ...userOf(99), phoneNumber: ann.phoneNumber };
      await at.users.createUsers([again]);
      expect(await at.users.findByPhone([ann.phoneNumber])).toEqual([again]);
      expect(await at.store.deleteAccount({ userId: again.userId, phoneHash, nowMs })).toBeDefined();
      expect(await at.users.findByPhone([ann.phoneNumber])).toEqual([undefined]);
    });

    test("all sessions, codes and idempotency records of the user go, and nobody else's", async () => {
      const mine = [await createSession(ann, 1), await createSession(ann, 2)];
      const theirs = await createSession(bob, 3);
      const code = { otpMac: "m", otpCiphertext: "c", createdAtMs: startMs, expiresAtMs: nowMs + 1000 };
      await at.otps.put({ ...code, phoneHash }, 5);
      await at.otps.put({ ...code, phoneHash: "hash-of-bob" }, 5);
      // "user_12" begins like "user_1".
      for (const user of [ann, bob, dan]) {
        await at.chats.createGroup({
          chatId: chatOf(`by${user.userId.slice(5)}`),
          name: "Team",
          createdBy: user.userId,
          memberIds: [cat.userId],
          createdAtMs: startMs,
          idempotency: idempotencyOf(user.userId, "k"),
        });
      }
      const deleted = await deleteAnn();
      expect(deleted?.sessions.map((session) => session.sessionId)).toEqual(mine);
      expect(deleted?.sessions.flatMap((session) => session.liveTokens.map((live) => live.jti))).toEqual([
        "jti-1",
        "jti-2",
      ]);
      expect(await at.sessions.listSessions(ann.userId)).toEqual([]);
      expect(await at.sessions.getSession(theirs)).toBeDefined();
      expect(await at.otps.get(phoneHash)).toBeUndefined();
      expect(await at.otps.get("hash-of-bob")).toBeDefined();
      const found = await Promise.all(
        [ann, bob, dan].map((user) =>
          at.restIdempotency.find(idempotencyOf(user.userId, "k").scopeKey, nowMs),
        ),
      );
      expect(found.map((record) => record !== undefined)).toEqual([false, true, true]);
    });

    test("a group passes to the oldest admin, not to an older plain member", async () => {
      const chatId = chatOf("a");
      await createGroup(chatId, ann, [bob, cat, dan]);
      await at.chats.changeRole(chatId, dan.userId, "admin", startMs);
      await at.chats.changeRole(chatId, cat.userId, "admin", startMs);
      const deleted = await deleteAnn();
      expect(await rolesIn(chatId)).toEqual({ user_2: "member", user_3: "owner", user_12: "admin" });
      expect(deleted?.left).toEqual([
        {
          chatId,
          role: "owner",
          memberCount: 3,
          successor: {
            chatId,
            userId: cat.userId,
            role: "owner",
            joinedAtMs: startMs + 1,
            mutedUntil: null,
          },
        },
      ]);
      expect((await at.chats.getChat(chatId))?.memberCount).toBe(3);
      expect((await at.chats.getChat(chatId))?.updatedAtMs).toBe(nowMs);
    });

    test("without an admin it passes to the oldest member; of equals the lower id", async () => {
      await createGroup(chatOf("a"), ann, [cat, bob]);
      await at.chats.createGroup({
        chatId: chatOf("b"),
        name: "Equals",
        createdBy: ann.userId,
        memberIds: [cat.userId, bob.userId],
        createdAtMs: startMs,
        idempotency: undefined,
      });
      const deleted = await deleteAnn();
      expect(deleted?.left.map((group) => group.successor?.userId)).toEqual([cat.userId, bob.userId]);
    });

    test("where the user was no owner, the owner stays; an emptied group has no members", async () => {
      await createGroup(chatOf("a"), bob, [ann]);
      await createGroup(chatOf("b"), ann, [bob]);
      await at.chats.removeMember(chatOf("b"), bob.userId, startMs);
      const deleted = await deleteAnn();
      expect(deleted?.left).toEqual([
        { chatId: chatOf("a"), role: "member", memberCount: 1, successor: undefined },
        { chatId: chatOf("b"), role: "owner", memberCount: 0, successor: undefined },
      ]);
      expect(await rolesIn(chatOf("a"))).toEqual({ user_2: "owner" });
      expect(await rolesIn(chatOf("b"))).toEqual({});
      expect((await at.chats.getChat(chatOf("b")))?.memberCount).toBe(0);
    });

    test("a direct chat keeps both members and is found by its pair in either order", async () => {
      const { chat } = await at.chats.createDirect({
        chatId: chatOf("d"),
        createdBy: ann.userId,
        otherUserId: bob.userId,
        createdAtMs: startMs,
        idempotency: undefined,
      });
      expect((await deleteAnn())?.left).toEqual([]);
      expect(await rolesIn(chat.chatId)).toEqual({ user_1: "member", user_2: "member" });
      expect(await at.chats.findDirect(bob.userId, ann.userId)).toEqual(chat);
      expect(await at.chats.findDirect(ann.userId, bob.userId)).toEqual(chat);
      expect(await at.chats.findDirect(cat.userId, bob.userId)).toBeUndefined();
    });

    test("a tombstone gets into no chat any more, whoever tries, and a refusal leaves nothing", async () => {
      await createGroup(chatOf("a"), bob, [cat]);
      await deleteAnn();
      const common = { createdAtMs: nowMs, idempotency: undefined };
      const direct = (createdBy: User, other: User) =>
        at.chats.createDirect({
          chatId: chatOf("x"),
          createdBy: createdBy.userId,
          otherUserId: other.userId,
          ...common,
        });
      const group = (createdBy: User, member: User) =>
        at.chats.createGroup({
          chatId: chatOf("x"),
          name: "X",
          createdBy: createdBy.userId,
          memberIds: [member.userId],
          ...common,
        });
      const refused = [
        direct(ann, bob),
        direct(bob, ann),
        group(ann, bob),
        group(bob, ann),
        at.chats.addMember({
          chatId: chatOf("a"),
          userId: ann.userId,
          role: "member",
          joinedAtMs: nowMs,
          idempotency: idempotencyOf(bob.userId, "add"),
        }),
      ];
      for (const attempt of refused)
        expect(await refusalOf(attempt)).toMatchObject({ code: "USER_NOT_FOUND" });
      expect(await at.chats.getChat(chatOf("x"))).toBeUndefined();
      expect(await at.chats.findDirect(ann.userId, bob.userId)).toBeUndefined();
      expect((await at.chats.getChat(chatOf("a")))?.memberCount).toBe(2);
      expect(await at.restIdempotency.find(idempotencyOf(bob.userId, "add").scopeKey, nowMs)).toBeUndefined();
    });
  });
}
