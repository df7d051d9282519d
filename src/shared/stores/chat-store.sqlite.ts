/** Chats in the embedded database. See the port. */
import { TriplaneError } from "../domain/errors.ts";
import type { ChatStore, NewDirectChat, NewGroup } from "./chat-store.ts";
import { addMember, changeRole, removeMember, renameGroup, setMutedUntil } from "./sqlite/chat-commands.ts";
import { createDirectChat, createGroupChat, findDirectChat } from "./sqlite/chat-creation.ts";
import {
  countGroupsOf,
  readChats,
  readMembers,
  readMemberships,
  readMembershipsOf,
} from "./sqlite/chat-reads.ts";
import type { Storage } from "./sqlite/storage.ts";

/**
 * Every operation is one transaction. `groupMembersMax` counts the owner.
 * @throws {TriplaneError} CONFLICT: the idempotency record given along exists already; nothing is written.
 * CHAT_FULL: a new group larger than `groupMembersMax`
 * @throws {RangeError} a direct chat with oneself, a group that names someone twice: the caller checks those
 */
export function createSqliteChatStore(
  storage: Storage,
  options: { readonly groupMembersMax: number },
): ChatStore {
  const membersMax = options.groupMembersMax;
  return {
    createDirect: async (chat) => {
      checkPair(chat);
      return storage.run(createDirectChat, chat);
    },
    findDirect: (userId, otherUserId) => storage.run(findDirectChat, [userId, otherUserId]),
    createGroup: async (chat) => {
      checkGroup(chat, membersMax);
      return storage.run(createGroupChat, chat);
    },
    getChat: async (chatId) => (await storage.run(readChats, [chatId]))[0],
    getChats: async (chatIds) => (chatIds.length === 0 ? [] : storage.run(readChats, chatIds)),
    memberships: async (keys) => {
      if (keys.length === 0) return [];
      const flatKeys: string[] = [];
      for (const { chatId, userId } of keys) flatKeys.push(chatId, userId);
      const found = await storage.run(readMemberships, flatKeys);
      return keys.map(({ chatId, userId }, index) => {
        const tuple = found[index];
        if (tuple === undefined) return undefined;
        const [role, joinedAtMs, mutedUntil] = tuple;
        return { chatId, userId, role, joinedAtMs, mutedUntil };
      });
    },
    listMembers: (chatId) => storage.run(readMembers, chatId),
    listMembershipsOf: (userId) => storage.run(readMembershipsOf, userId),
    addMember: (member) => storage.run(addMember, { ...member, membersMax }),
    removeMember: (chatId, userId, nowMs) => storage.run(removeMember, { chatId, userId, nowMs }),
    changeRole: (chatId, userId, role) => storage.run(changeRole, { chatId, userId, role }),
    setMutedUntil: (chatId, userId, mutedUntil) => storage.run(setMutedUntil, { chatId, userId, mutedUntil }),
    rename: (chatId, name, nowMs) => storage.run(renameGroup, { chatId, name, nowMs }),
    countGroupsOf: (userId) => storage.run(countGroupsOf, userId),
  };
}

function checkPair({ createdBy, otherUserId }: NewDirectChat): void {
  if (createdBy === otherUserId)
    throw new RangeError(`user ${createdBy} cannot have a direct chat with itself`);
}

function checkGroup({ createdBy, memberIds }: NewGroup, membersMax: number): void {
  const memberCount = memberIds.length + 1;
  if (memberCount > membersMax) {
    throw new TriplaneError("CHAT_FULL", `the group has ${memberCount} members, limit ${membersMax}`, {
      details: { member_count: memberCount, limit: membersMax },
    });
  }
  if (new Set([createdBy, ...memberIds]).size < memberCount) {
    throw new RangeError("a new group names a member twice");
  }
}
