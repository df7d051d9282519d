/** The REST calls of a chat client, typed. Paths, shapes and codes are the server's `/api/v1`. */
import { RestError } from "./client-errors.ts";
import type { Http, HttpCall, HttpResult } from "./http.ts";
import type { Random } from "./ports.ts";
import type {
  AddedMember,
  ChangedMember,
  ChatCreated,
  ChatDetail,
  ChatListItem,
  ChatUpdated,
  DeliveryState,
  DeliveryStatus,
  LookupResult,
  Me,
  MessagesAround,
  MuteState,
  OtpRequested,
  Page,
  PublicUser,
  RestMessage,
  Role,
  SessionListItem,
} from "./rest-types.ts";
import { newUuid } from "./uuid.ts";

export interface HistoryQuery {
  readonly limit?: number | undefined;
  /** Default `backward`: the newest first. */
  readonly direction?: "forward" | "backward" | undefined;
  readonly beforeSequence?: number | undefined;
  readonly afterSequence?: number | undefined;
  /** Alone, from an earlier page. */
  readonly cursor?: string | undefined;
}

export interface ListQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  readonly updatedSince?: string | undefined;
}

/**
 * Every call rejects with RestError (server's answer or NETWORK_ERROR), LoggedOutError, or the signal's reason.
 * A 401 is met with one token refresh. Reads, and writes that may be repeated, are tried up to 4 times on network
 * failures, 5xx and 429; creations carry one Idempotency-Key over all their attempts.
 */
export interface RestCalls {
  requestOtp(phoneNumber: string, signal?: AbortSignal): Promise<OtpRequested>;
  me(signal?: AbortSignal): Promise<Me>;
  updateMe(displayName: string, signal?: AbortSignal): Promise<Me>;
  user(userId: string, signal?: AbortSignal): Promise<PublicUser>;
  lookup(phoneNumbers: readonly string[], signal?: AbortSignal): Promise<LookupResult>;
  createDirectChat(userId: string, signal?: AbortSignal): Promise<ChatCreated>;
  createGroup(name: string, memberIds: readonly string[], signal?: AbortSignal): Promise<ChatCreated>;
  listChats(query?: ListQuery, signal?: AbortSignal): Promise<Page<ChatListItem>>;
  getChat(chatId: string, signal?: AbortSignal): Promise<ChatDetail>;
  renameChat(chatId: string, name: string, signal?: AbortSignal): Promise<ChatUpdated>;
  addMember(
    chatId: string,
    userId: string,
    role?: "member" | "admin",
    signal?: AbortSignal,
  ): Promise<AddedMember>;
  removeMember(chatId: string, userId: string, signal?: AbortSignal): Promise<void>;
  changeRole(
    chatId: string,
    userId: string,
    role: Exclude<Role, "owner">,
    signal?: AbortSignal,
  ): Promise<ChangedMember>;
  leave(chatId: string, signal?: AbortSignal): Promise<void>;
  /** @param durationHours 1-8760, null = until unmuted */
  mute(chatId: string, durationHours?: number | null, signal?: AbortSignal): Promise<MuteState>;
  unmute(chatId: string, signal?: AbortSignal): Promise<MuteState>;
  history(chatId: string, query?: HistoryQuery, signal?: AbortSignal): Promise<Page<RestMessage>>;
  message(chatId: string, messageId: string, signal?: AbortSignal): Promise<RestMessage>;
  messagesAround(
    chatId: string,
    sequence: number,
    context?: number,
    signal?: AbortSignal,
  ): Promise<MessagesAround>;
  deliveryStatus(chatId: string, forSequence?: number, signal?: AbortSignal): Promise<DeliveryStatus>;
  deliveryStates(chatIds?: readonly string[], signal?: AbortSignal): Promise<readonly DeliveryState[]>;
  sessions(signal?: AbortSignal): Promise<readonly SessionListItem[]>;
  deleteSession(sessionId: string, signal?: AbortSignal): Promise<void>;
  deleteSessions(includeCurrent?: boolean, signal?: AbortSignal): Promise<{ readonly revoked_count: number }>;
}

/** What the calls need of the session. */
export interface TokenSource {
  accessToken(signal: AbortSignal | undefined): Promise<string>;
  /** A token other than the refused one; refreshes at most once at a time. */
  replaceToken(refused: string, signal: AbortSignal | undefined): Promise<string>;
}

export function createRestCalls(http: Http, tokens: TokenSource, random: Random): RestCalls {
  const call = <T>(call: HttpCall, signal: AbortSignal | undefined): Promise<T> =>
    authorized(http, tokens, call, signal).then((result) => result.body as T);
  const get = <T>(path: string, signal: AbortSignal | undefined): Promise<T> =>
    call({ method: "GET", path, body: undefined, headers: {}, repeatable: true }, signal);
  const write = <T>(
    method: string,
    path: string,
    body: unknown,
    repeatable: boolean,
    signal: AbortSignal | undefined,
  ): Promise<T> => call({ method, path, body, headers: {}, repeatable }, signal);
  const create = <T>(path: string, body: unknown, signal: AbortSignal | undefined): Promise<T> =>
    call(
      { method: "POST", path, body, headers: { "Idempotency-Key": newUuid(random) }, repeatable: true },
      signal,
    );
  const data = async <T>(answer: Promise<{ readonly data: T }>): Promise<T> => (await answer).data;
  const chat = (chatId: string): string => `/chats/${encodeURIComponent(chatId)}`;
  const member = (chatId: string, userId: string): string =>
    `${chat(chatId)}/members/${encodeURIComponent(userId)}`;

  return {
    requestOtp: async (phone_number, signal) => {
      const result = await http(
        {
          method: "POST",
          path: "/auth/request-otp",
          body: { phone_number },
          headers: {},
          repeatable: false,
        },
        signal,
      );
      return (result.body as { readonly data: OtpRequested }).data;
    },
    me: (signal) => data(get("/users/me", signal)),
    updateMe: (display_name, signal) => data(write("PATCH", "/users/me", { display_name }, true, signal)),
    user: (userId, signal) => data(get(`/users/${encodeURIComponent(userId)}`, signal)),
    lookup: (phone_numbers, signal) => data(write("POST", "/users/lookup", { phone_numbers }, true, signal)),
    createDirectChat: (userId, signal) =>
      data(create("/chats", { type: "direct", member_ids: [userId] }, signal)),
    createGroup: (name, member_ids, signal) =>
      data(create("/chats", { type: "group", name, member_ids }, signal)),
    listChats: (query = {}, signal) =>
      get(
        `/chats${queryString({
          limit: query.limit,
          cursor: query.cursor,
          updated_since: query.updatedSince,
        })}`,
        signal,
      ),
    getChat: (chatId, signal) => data(get(chat(chatId), signal)),
    renameChat: (chatId, name, signal) => data(write("PATCH", chat(chatId), { name }, true, signal)),
    addMember: (chatId, user_id, role = "member", signal) =>
      data(create(`${chat(chatId)}/members`, { user_id, role }, signal)),
    removeMember: (chatId, userId, signal) =>
      write("DELETE", member(chatId, userId), undefined, false, signal),
    changeRole: (chatId, userId, role, signal) =>
      data(write("PATCH", member(chatId, userId), { role }, true, signal)),
    leave: (chatId, signal) => write("POST", `${chat(chatId)}/leave`, undefined, false, signal),
    mute: (chatId, duration_hours = null, signal) =>
      data(write("POST", `${chat(chatId)}/mute`, { duration_hours }, true, signal)),
    unmute: (chatId, signal) => data(write("POST", `${chat(chatId)}/unmute`, undefined, true, signal)),
    history: (chatId, query = {}, signal) =>
      get(
        `${chat(chatId)}/messages${queryString({
          limit: query.limit,
          direction: query.direction,
          before_sequence: query.beforeSequence,
          after_sequence: query.afterSequence,
          cursor: query.cursor,
        })}`,
        signal,
      ),
    message: (chatId, messageId, signal) =>
      data(get(`${chat(chatId)}/messages/${encodeURIComponent(messageId)}`, signal)),
    messagesAround: (chatId, sequence, context, signal) =>
      data(get(`${chat(chatId)}/messages/around/${sequence}${queryString({ context })}`, signal)),
    deliveryStatus: (chatId, forSequence, signal) =>
      get(`${chat(chatId)}/delivery-status${queryString({ for_sequence: forSequence })}`, signal),
    deliveryStates: (chatIds, signal) =>
      data(get(`/delivery-state${queryString({ chat_ids: chatIds?.join(",") })}`, signal)),
    sessions: (signal) => data(get("/sessions", signal)),
    deleteSession: (sessionId, signal) =>
      write("DELETE", `/sessions/${encodeURIComponent(sessionId)}`, undefined, false, signal),
    deleteSessions: (includeCurrent = false, signal) =>
      data(
        write(
          "DELETE",
          `/sessions${queryString({ include_current: includeCurrent })}`,
          undefined,
          false,
          signal,
        ),
      ),
  };
}

/** Sends the call with a token; on 401 once more with another one. */
async function authorized(
  http: Http,
  tokens: TokenSource,
  call: HttpCall,
  signal: AbortSignal | undefined,
): Promise<HttpResult> {
  const attempt = (token: string): Promise<HttpResult> =>
    http({ ...call, headers: { ...call.headers, Authorization: `Bearer ${token}` } }, signal);
  const token = await tokens.accessToken(signal);
  try {
    return await attempt(token);
  } catch (error) {
    if (!(error instanceof RestError) || error.status !== 401) throw error;
  }
  const replaced = await tokens.replaceToken(token, signal);
  return attempt(replaced);
}

function queryString(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
