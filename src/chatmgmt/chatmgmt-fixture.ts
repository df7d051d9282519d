/**
 * Chat management on the embedded stores in memory, with a virtual clock, seeded randomness, every store call
 * written down and any of them made to fail. Calls go to the handlers as the edges make them.
 */
import { create, type DescMethodUnary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import { FakeAccessTokens } from "../../tests/simulation/access-tokens.fake.ts";
import { SeededRandom } from "../../tests/simulation/seeded-random.ts";
import { VirtualClock } from "../../tests/simulation/virtual-clock.ts";
import type { AuditEvent } from "../shared/auth/audit.ts";
import { type ErrorCode, TriplaneError } from "../shared/domain/errors.ts";
import {
  type ChatId,
  type ClientMessageId,
  createIds,
  type DeviceId,
  parseChatId,
  parseSessionId,
  parseUserId,
  type UserId,
} from "../shared/domain/ids.ts";
import { decodeEvent, type Event } from "../shared/events/envelope.ts";
import { ChatMgmtService } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { createCallContext } from "../shared/rpc/call-context.ts";
import { type Caller, idempotentReplayHeader, requestInfoKey } from "../shared/rpc/request-info.ts";
import { validateMessage } from "../shared/rpc/validate-message.ts";
import { silentLogger } from "../shared/runtime/logger.ts";
import { createSqliteAccountStore } from "../shared/stores/account-store.sqlite.ts";
import { createSqliteChatStore } from "../shared/stores/chat-store.sqlite.ts";
import { SqliteDeliveryStateStore } from "../shared/stores/delivery-state-store.sqlite.ts";
import { SqliteEventLog } from "../shared/stores/event-log.sqlite.ts";
import type { Topic } from "../shared/stores/event-log.ts";
import { SqliteMessageStore } from "../shared/stores/message-store.sqlite.ts";
import { createSqliteOtpStore } from "../shared/stores/otp-store.sqlite.ts";
import { createMemoryRateLimiter } from "../shared/stores/rate-limiter.memory.ts";
import type { RateLimiter } from "../shared/stores/rate-limiter.ts";
import { createSqliteRestIdempotencyStore } from "../shared/stores/rest-idempotency-store.sqlite.ts";
import { createSqliteRevocation } from "../shared/stores/revocation.sqlite.ts";
import type { UserRevoked } from "../shared/stores/revocation.ts";
import { createSqliteSessionStore } from "../shared/stores/session-store.sqlite.ts";
import { openInlineStorage } from "../shared/stores/sqlite/inline-storage.ts";
import { LogTail } from "../shared/stores/sqlite/log-tail.ts";
import { createSqliteUserStore } from "../shared/stores/user-store.sqlite.ts";
import type { ChatMgmtDeps, ChatMgmtSettings } from "./chatmgmt-deps.ts";
import type { ChatMgmtCounters } from "./chatmgmt-metrics.ts";
import { createChatMgmtService } from "./chatmgmt-service.ts";
import { LocalSmsInbox } from "./local-sms-inbox.ts";
import { createAesOtpCipher } from "./otp-cipher.aes.ts";
import { OtpCodes } from "./otp-codes.ts";
import { createLogSmsSender } from "./sms-sender.log.ts";

type Methods = typeof ChatMgmtService.method;
export type MethodName = keyof Methods;
type Input<Name extends MethodName> =
  Methods[Name] extends DescMethodUnary<infer I> ? MessageInitShape<I> : never;
type Output<Name extends MethodName> =
  Methods[Name] extends DescMethodUnary<infer _, infer O> ? MessageShape<O> : never;

/** What an edge would know of the call. */
export interface As {
  /** An access token; it is verified and checked for revocation as the guard does. */
  readonly token?: string;
  readonly deviceId?: string;
  readonly ip?: string;
  readonly idempotencyKey?: string;
}

export interface LoggedIn {
  readonly userId: UserId;
  readonly sessionId: string;
  readonly phoneNumber: string;
  readonly deviceId: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly isNewUser: boolean;
}

export const testSettings: ChatMgmtSettings = {
  limits: {
    otp: {
      perPhone: 3,
      perIp: 10,
      windowSeconds: 900,
      failures: 5,
      failureWindowSeconds: 300,
      lockoutSeconds: 900,
      validSeconds: 300,
    },
    lookup: { perMinute: 10, perHour: 100 },
    groups: { perDay: 20, perUser: 500, members: 100 },
  },
  auth: { accessTokenTtlSeconds: 3600, sessionTtlSeconds: 30 * 24 * 3600, sessionsPerUser: 5 },
};

export type Fixture = Awaited<ReturnType<typeof openFixture>>;

export async function openFixture(
  seed = 1,
  settings: ChatMgmtSettings = testSettings,
  limiter?: RateLimiter,
) {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const ids = createIds(clock, random);
  const storage = openInlineStorage(":memory:");
  const tail = new LogTail({ producerId: "chatmgmt-test", recordsMax: 10_000 });
  const calls: string[] = [];
  const faults = new Map<string, (...args: unknown[]) => unknown>();
  const watched = <Store extends object>(name: string, store: Store): Store =>
    watch(name, store, calls, faults);
  const inbox = new LocalSmsInbox(clock);
  const printed: string[] = [];
  const audited: AuditEvent[] = [];
  const counted: { name: keyof ChatMgmtCounters; labels: object }[] = [];
  const announced: UserRevoked[] = [];
  const revocation = watched("revocation", createSqliteRevocation(storage, { mirroredMax: 10_000 }));
  revocation.subscribe((news) => announced.push(news));
  const messages = new SqliteMessageStore(storage, tail);
  const eventLog = new SqliteEventLog(storage, tail, clock);
  const tokens = new FakeAccessTokens(clock);
  const pepper = random.bytes(32);
  const deps: ChatMgmtDeps = {
    accounts: watched("accounts", createSqliteAccountStore(storage)),
    users: watched("users", createSqliteUserStore(storage)),
    sessions: watched("sessions", createSqliteSessionStore(storage)),
    otps: watched("otps", createSqliteOtpStore(storage)),
    chats: watched(
      "chats",
      createSqliteChatStore(storage, { groupMembersMax: settings.limits.groups.members }),
    ),
    messages: watched("messages", messages),
    deliveryStates: watched("deliveryStates", new SqliteDeliveryStateStore(storage)),
    restIdempotency: watched("restIdempotency", createSqliteRestIdempotencyStore(storage)),
    eventLog: watched("eventLog", eventLog),
    rateLimiter: watched("rateLimiter", limiter ?? createMemoryRateLimiter(clock, { keysMax: 10_000 })),
    revocation,
    accessTokens: watched("accessTokens", tokens),
    otpCodes: new OtpCodes({
      pepper,
      cipher: watched("otpCipher", createAesOtpCipher(random.bytes(32), random)),
      random,
      fixedCode: undefined,
    }),
    sms: watched("sms", createLogSmsSender({ inbox, clock, writeLine: (line) => printed.push(line) })),
    audit: { record: (event) => audited.push(event) },
    logger: silentLogger,
    metrics: { count: (name, labels) => counted.push({ name, labels }) },
    clock,
    random,
    ids,
    settings,
    producerId: "chatmgmt-test",
  };
  const service = createChatMgmtService(deps);

  async function callerOf(token: string, allowExpired: boolean): Promise<Caller> {
    const verified = await tokens.verify(token, { allowExpired });
    if (allowExpired) return verified;
    const [revoked] = await revocation.areRevoked([verified.tokenId]);
    if (revoked) {
      throw new TriplaneError("UNAUTHORIZED", "revoked", { details: { reason: "token_revoked" } });
    }
    return verified;
  }

  async function callWithHeader<Name extends MethodName>(
    name: Name,
    request: Input<Name>,
    as: As,
  ): Promise<{ readonly answer: Output<Name>; readonly replayed: boolean }> {
    const method = ChatMgmtService.method[name] as Methods[MethodName];
    const message = create(method.input, request as never);
    validateMessage(method.input, message);
    const caller = as.token === undefined ? undefined : await callerOf(as.token, name === "refreshToken");
    const values = createContextValues().set(requestInfoKey, {
      requestId: ids.uuid(),
      ip: as.ip ?? "192.0.2.1",
      userAgent: "test",
      deviceIdHeader: as.deviceId,
      idempotencyKey: as.idempotencyKey,
      caller,
      traceparent: undefined,
    });
    const context = createCallContext({
      method,
      protocolName: "test",
      requestMethod: "POST",
      url: "",
      requestHeader: new Headers(),
      signal: new AbortController().signal,
      values,
      timeoutMs: () => undefined,
    });
    const handler = service[name] as (request: unknown, context: unknown) => Promise<never> | never;
    const answer = create(method.output, await handler(message, context)) as Output<Name>;
    return { answer, replayed: context.responseHeader.get(idempotentReplayHeader) === "true" };
  }

  async function call<Name extends MethodName>(name: Name, request: Input<Name>, as: As = {}) {
    return (await callWithHeader(name, request, as)).answer;
  }

  function codeFor(phoneNumber: string): string {
    const sms = inbox.list().find((message) => message.phone_number === phoneNumber);
    if (sms === undefined) throw new Error(`no code was sent to ${phoneNumber}`);
    return sms.otp;
  }

  async function requestCode(phoneNumber: string, ip = `198.51.100.${Number(phoneNumber.slice(-2))}`) {
    await call("requestOtp", { phoneNumber }, { ip });
    await clock.settle();
    return codeFor(phoneNumber);
  }

  async function verify(phoneNumber: string, otp: string, deviceId: string): Promise<LoggedIn> {
    const answer = await call("verifyOtp", { phoneNumber, otp, deviceId }, { deviceId });
    return {
      userId: userIdOf(answer.user?.userId),
      sessionId: answer.session?.sessionId ?? "",
      phoneNumber,
      deviceId,
      token: answer.tokens?.accessToken ?? "",
      refreshToken: answer.tokens?.refreshToken ?? "",
      isNewUser: answer.isNewUser,
    };
  }

  /** A login whose codes do not use up the limits of the phone. */
  async function logIn(phoneNumber: string, deviceId: string = ids.uuid()): Promise<LoggedIn> {
    await clock.advance(15 * 60_000);
    return verify(phoneNumber, await requestCode(phoneNumber), deviceId);
  }

  async function createUsers(count: number): Promise<LoggedIn[]> {
    const users: LoggedIn[] = [];
    for (let index = 0; index < count; index += 1) users.push(await createUser(index));
    return users;
  }

  /** A user with a session, straight in the stores. */
  async function createUser(index: number): Promise<LoggedIn> {
    const userId = ids.userId();
    const sessionId = ids.sessionId();
    const phoneNumber = `+1415555${String(index).padStart(4, "0")}`;
    const deviceId = ids.uuid();
    const nowMs = clock.nowMs();
    const iat = Math.floor(nowMs / 1000);
    const user = {
      userId,
      phoneNumber,
      displayName: `User ${index}`,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    await createSqliteUserStore(storage).createUsers([user]);
    const live = { jti: ids.ulid(), exp: iat + settings.auth.accessTokenTtlSeconds };
    await createSqliteSessionStore(storage).createSessions([
      {
        sessionId,
        userId,
        deviceId: deviceId as DeviceId,
        refreshTokenHash: ids.ulid(),
        previousTokenHash: null,
        tokenFamily: ids.ulid(),
        tokenGeneration: 0,
        liveTokens: [live],
        createdAtMs: nowMs,
        expiresAtMs: nowMs + settings.auth.sessionTtlSeconds * 1000,
        lastActiveAtMs: nowMs,
      },
    ]);
    const token = await tokens.sign({ sub: userId, sid: sessionId, iat, ...live });
    return { userId, sessionId, phoneNumber, deviceId, token, refreshToken: "", isNewUser: false };
  }

  async function createGroup(owner: LoggedIn, others: readonly LoggedIn[], name = "Team"): Promise<ChatId> {
    const memberIds = others.map((user) => user.userId);
    const chat = await call("createChat", { type: "group", name, memberIds }, { token: owner.token });
    return chatIdOf(chat.chatId);
  }

  /** Commits messages as ingest would. */
  async function send(chatId: ChatId, sender: LoggedIn, ...contents: string[]): Promise<void> {
    for (const content of contents) {
      const [counter] = await messages.counters([chatId]);
      const [outcome] = await messages.commit([
        {
          chatId,
          expectedSequence: counter?.sequence ?? 0,
          publishedSequence: counter?.publishedSequence ?? 0,
          messages: [
            {
              messageId: ids.messageId(),
              clientMessageId: ids.uuid() as ClientMessageId,
              senderId: sender.userId,
              content,
              contentType: "text/plain",
              createdAtMs: clock.nowMs(),
              originConnectionId: undefined,
              traceparent: undefined,
            },
          ],
        },
      ]);
      if (outcome?.kind !== "committed") throw new Error(`message was not stored: ${outcome?.kind}`);
    }
  }

  /** Everything published so far on a topic, in order. */
  async function events(topic: Topic): Promise<Event[]> {
    const consumer = await eventLog.consumer(`test-${ids.ulid()}`, [topic], async () => undefined);
    const records = await consumer.poll(1000, 0);
    await consumer.close();
    return records.map((record) => decodeEvent(record.value(), record.key));
  }

  return {
    clock,
    random,
    ids,
    deps,
    revocation,
    storage,
    calls,
    inbox,
    printed,
    audited,
    counted,
    announced,
    pepper,
    call,
    callWithHeader,
    callerOf,
    codeFor,
    requestCode,
    verify,
    logIn,
    createUsers,
    createGroup,
    send,
    events,
    /** Makes a store's method fail (or do anything else) until `heal`. */
    fail: (method: string, instead: (...args: unknown[]) => unknown = unavailable) =>
      faults.set(method, instead),
    heal: (method: string) => faults.delete(method),
    auditTypes: () => audited.map((event) => event.type),
    count: (name: keyof ChatMgmtCounters) => counted.filter((entry) => entry.name === name).length,
  };
}

/** The error of a refusal. @throws when nothing was refused */
export async function refusal(promise: Promise<unknown>): Promise<TriplaneError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TriplaneError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

export async function refusedCode(promise: Promise<unknown>): Promise<ErrorCode> {
  return (await refusal(promise)).code;
}

function unavailable(): never {
  throw new TriplaneError("SERVICE_UNAVAILABLE", "made to fail");
}

function watch<Store extends object>(
  name: string,
  store: Store,
  calls: string[],
  faults: ReadonlyMap<string, (...args: unknown[]) => unknown>,
): Store {
  return new Proxy(store, {
    get(target, property) {
      const value = Reflect.get(target, property, target) as unknown;
      if (typeof value !== "function") return value;
      const method = `${name}.${String(property)}`;
      return (...args: unknown[]) => {
        calls.push(method);
        const fault = faults.get(method);
        if (fault === undefined) return value.apply(target, args) as unknown;
        return Promise.resolve().then(() => fault(...args));
      };
    },
  });
}

export function chatIdOf(raw: string): ChatId {
  const chatId = parseChatId(raw);
  if (chatId === undefined) throw new Error(`${raw} is no chat id`);
  return chatId;
}

export function sessionIdOf(raw: string) {
  const sessionId = parseSessionId(raw);
  if (sessionId === undefined) throw new Error(`${raw} is no session id`);
  return sessionId;
}

function userIdOf(raw: string | undefined): UserId {
  const userId = parseUserId(raw ?? "");
  if (userId === undefined) throw new Error(`${raw} is no user id`);
  return userId;
}
