/** Makes users with open sessions and groups for load tests, straight in the stores: no codes, no limits, no events. */
import type { AccessTokens } from "../shared/auth/access-tokens.ts";
import type { Clock } from "../shared/domain/clock.ts";
import { type ChatId, type Ids, parseDeviceId, type UserId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import type { Random } from "../shared/domain/random.ts";
import type { ChatStore } from "../shared/stores/chat-store.ts";
import type { SessionStore } from "../shared/stores/session-store.ts";
import type { UserStore } from "../shared/stores/user-store.ts";
import { openSession } from "./open-session.ts";

export interface SeedOptions {
  /** 1-1,000,000. */
  readonly users: number;
  readonly chats: number;
  /** Of each chat, its owner among them: 2-100, at most as many as there are users. */
  readonly members: number;
  readonly tokenTtlSeconds: number;
  readonly sessionTtlSeconds: number;
}

export interface SeedDeps {
  readonly users: Pick<UserStore, "createUsers">;
  readonly sessions: Pick<SessionStore, "createSessions">;
  readonly chats: Pick<ChatStore, "createGroup">;
  readonly accessTokens: AccessTokens;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
}

export interface SeededUser {
  readonly user_id: string;
  readonly phone_number: string;
  readonly device_id: string;
  readonly access_token: string;
  readonly refresh_token: string;
  readonly chat_ids: readonly string[];
}

interface PlannedUser {
  readonly userId: UserId;
  readonly phoneNumber: string;
  readonly chatIds: ChatId[];
}

const usersMax = 1_000_000;
const batchSize = 500;
/** Country code 999 is assigned to nobody. */
const phonePrefix = "+999";
const phoneNumbers = 1e12;

/**
 * Every user is in as many chats as every other, give or take one. Yields users once everything of them is stored.
 * @throws {RangeError} an option out of its bounds, before anything is stored
 */
export async function* seedUsers(deps: SeedDeps, options: SeedOptions): AsyncGenerator<SeededUser> {
  checkOptions(options);
  const planned = planUsers(deps, options.users);
  await createUsers(deps, planned);
  await createChats(deps, planned, options);
  for (const batch of batches(planned)) yield* await openSessions(deps, batch, options);
}

function checkOptions({ users, chats, members, tokenTtlSeconds, sessionTtlSeconds }: SeedOptions): void {
  checkRange("users", users, 1, usersMax);
  checkRange("chats", chats, 0, usersMax);
  if (chats > 0) checkRange("members", members, 2, Math.min(users, limits.groupMembersMax));
  checkRange("token ttl", tokenTtlSeconds, 1, 365 * 24 * 3600);
  checkRange("session ttl", sessionTtlSeconds, 1, 365 * 24 * 3600);
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} is ${value}, must be an integer from ${min} to ${max}`);
}

/** Numbers follow each other from a random start, so that two seeds into one store do not meet. */
function planUsers(deps: SeedDeps, count: number): PlannedUser[] {
  const start = Math.floor(deps.random.float() * (phoneNumbers - count));
  return Array.from({ length: count }, (_, index) => ({
    userId: deps.ids.userId(),
    phoneNumber: phonePrefix + String(start + index).padStart(12, "0"),
    chatIds: [],
  }));
}

async function createUsers(deps: SeedDeps, planned: readonly PlannedUser[]): Promise<void> {
  const nowMs = deps.clock.nowMs();
  for (const [number, batch] of batches(planned).entries()) {
    await deps.users.createUsers(
      batch.map(({ userId, phoneNumber }, index) => ({
        userId,
        phoneNumber,
        displayName: `User ${number * batchSize + index + 1}`,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
      })),
    );
  }
}

async function createChats(
  deps: SeedDeps,
  planned: readonly PlannedUser[],
  { chats, members }: SeedOptions,
): Promise<void> {
  const numbers = Array.from({ length: chats }, (_, index) => index);
  for (const batch of batches(numbers)) {
    // Issued together, so that a store that commits in groups needs one commit.
    await Promise.all(batch.map((number) => createChat(deps, planned, number, members)));
  }
}

async function createChat(
  deps: SeedDeps,
  planned: readonly PlannedUser[],
  number: number,
  members: number,
): Promise<void> {
  const chatId = deps.ids.chatId();
  // Each round over all users starts one further, so that later chats are not the same people again.
  const first = number * members + Math.floor((number * members) / planned.length);
  const chosen = Array.from(
    { length: members },
    (_, index) => planned[(first + index) % planned.length] as PlannedUser,
  );
  const [owner, ...others] = chosen as [PlannedUser, ...PlannedUser[]];
  await deps.chats.createGroup({
    chatId,
    name: `Chat ${number + 1}`,
    createdBy: owner.userId,
    memberIds: others.map((user) => user.userId),
    createdAtMs: deps.clock.nowMs(),
    idempotency: undefined,
  });
  for (const user of chosen) user.chatIds.push(chatId);
}

async function openSessions(
  deps: SeedDeps,
  batch: readonly PlannedUser[],
  { tokenTtlSeconds: accessTokenTtlSeconds, sessionTtlSeconds }: SeedOptions,
): Promise<SeededUser[]> {
  const settings = { auth: { accessTokenTtlSeconds, sessionTtlSeconds } };
  const opened = await Promise.all(
    batch.map(async (user) => {
      const deviceId = parseDeviceId(deps.ids.uuid());
      if (deviceId === undefined) throw new Error("the id source made no UUID");
      return { user, ...(await openSession({ ...deps, settings }, user.userId, deviceId)) };
    }),
  );
  await deps.sessions.createSessions(opened.map(({ session }) => session));
  return opened.map(({ user, session, minted }) => ({
    user_id: user.userId,
    phone_number: user.phoneNumber,
    device_id: session.deviceId,
    access_token: minted.tokens.accessToken,
    refresh_token: minted.tokens.refreshToken,
    chat_ids: user.chatIds,
  }));
}

function batches<Item>(items: readonly Item[]): Item[][] {
  return Array.from({ length: Math.ceil(items.length / batchSize) }, (_, index) =>
    items.slice(index * batchSize, (index + 1) * batchSize),
  );
}
