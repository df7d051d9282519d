/**
 * The REST API in-process: real handlers, guard, limiter and embedded stores on a virtual clock, every store call
 * written down and any of them made to fail. A small cast in two chats, and one good request for every endpoint.
 */
import { Hono } from "hono";
import type { ChatMgmtSettings } from "../../src/chatmgmt/chatmgmt-deps.ts";
import {
  type Fixture,
  type LoggedIn,
  openFixture,
  testSettings,
} from "../../src/chatmgmt/chatmgmt-fixture.ts";
import { createChatMgmtService } from "../../src/chatmgmt/chatmgmt-service.ts";
import type { TriplaneError } from "../../src/shared/domain/errors.ts";
import { ChatMgmtService } from "../../src/shared/gen/messaging/v1/chatmgmt_pb.js";
import { auditGuardWarning, auditRateLimited } from "../../src/shared/http/audit-answers.ts";
import { mountRest } from "../../src/shared/http/mount-rest.ts";
import { type AnswerRecord, createRestEdge, type HttpEnv } from "../../src/shared/http/rest-edge.ts";
import { type RestRoute, restRoutes } from "../../src/shared/http/rest-routes.ts";
import { createGuard, restLimitsDefault } from "../../src/shared/rpc/guard.ts";

export const routes = restRoutes(ChatMgmtService);

export interface RestRequest {
  readonly verb: string;
  /** Below /api/v1. */
  readonly path: string;
  readonly token: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or text as it is. */
  readonly body: Readonly<Record<string, unknown>> | string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the point is to look at whatever JSON came.
  readonly body: any;
}

export interface RestWorld {
  readonly at: Fixture;
  readonly answers: readonly AnswerRecord[];
  readonly internalErrors: readonly TriplaneError[];
  readonly owner: LoggedIn;
  readonly admin: LoggedIn;
  readonly member: LoggedIn;
  /** In no chat with the others. */
  readonly outsider: LoggedIn;
  /** Of owner, admin and member, with three messages. */
  readonly groupId: string;
  /** Of owner and member. */
  readonly directId: string;
  readonly messageId: string;
  send(request: RestRequest): Promise<Reply>;
  /** A request to the endpoint that would succeed, of the owner where a chat is involved. */
  good(name: string): Promise<RestRequest>;
}

export const codeDevice = "0190e4a0-7e1b-7c3a-9d62-0123456789ab";
export const newPhone = "+14155559901";
export const unknownChat = "chat_01HQX7Z9Y8K4M3N2P1Q0R5S6T7";
export const unknownUser = "user_01HQX7Z9Y8K4M3N2P1Q0R5S6T7";

export async function openRestWorld(settings: ChatMgmtSettings = testSettings): Promise<RestWorld> {
  const at = await openFixture(1, settings);
  const answers: AnswerRecord[] = [];
  const internalErrors: TriplaneError[] = [];
  const guard = createGuard({
    verifyAccessToken: (token, options) => at.deps.accessTokens.verify(token, options),
    revocation: at.revocation,
    limiter: at.deps.rateLimiter,
    limits: restLimitsDefault,
    clock: at.clock,
    rateLimitsEnabled: true,
    warn: (event, fields) => auditGuardWarning(at.deps.audit, event, fields),
  });
  const edge = createRestEdge({
    guard,
    ids: at.ids,
    clock: at.clock,
    trustedProxyHops: 0,
    cors: [],
    hstsMaxAgeSeconds: undefined,
    onAnswer(record) {
      answers.push(record);
      auditRateLimited(at.deps.audit, record);
    },
    onInternalError: (error) => internalErrors.push(error),
  });
  const app = new Hono<HttpEnv>();
  const implementation = createChatMgmtService(at.deps);
  mountRest({ app, edge, service: ChatMgmtService, implementation, bodyBytesMax: 65_536 });
  app.notFound((context) => edge.notFound(context));

  const cast = await at.createUsers(4);
  const [owner, admin, member, outsider] = cast as [LoggedIn, LoggedIn, LoggedIn, LoggedIn];
  const group = await at.createGroup(owner, [admin, member]);
  await at.call("changeRole", { chatId: group, userId: admin.userId, role: "admin" }, { token: owner.token });
  const direct = await at.call(
    "createChat",
    { type: "direct", memberIds: [member.userId] },
    { token: owner.token },
  );
  await at.send(group, owner, "one", "two", "three");
  const page = await at.call("listMessages", { chatId: group }, { token: owner.token });
  const messageId = page.data[0]?.messageId ?? "";

  async function send(request: RestRequest): Promise<Reply> {
    const headers = new Headers(request.headers);
    if (request.token !== undefined) headers.set("authorization", `Bearer ${request.token}`);
    const body = typeof request.body === "object" ? JSON.stringify(request.body) : request.body;
    if (body !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    const answering = app.fetch(
      new Request(`http://triplane.test/api/v1${request.path}`, {
        method: request.verb,
        headers,
        ...(body === undefined ? {} : { body }),
      }),
      { socketAddress: "192.0.2.7" },
    );
    const settled = Promise.resolve(answering);
    await passTime(at, settled);
    const response = await settled;
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  async function good(name: string): Promise<RestRequest> {
    const route = routeOf(name);
    const parts = await goodParts(name);
    const names: Readonly<Record<string, string>> = {
      chat_id: group,
      user_id: member.userId,
      message_id: messageId,
      sequence: "2",
      session_id: owner.sessionId,
      ...parts.path,
    };
    const path = route.template
      .replace(/^\/api\/v1/, "")
      .replaceAll(/\{([a-z_]+)\}/g, (_, parameter: string) => names[parameter] ?? "");
    return {
      verb: route.verb,
      path,
      token: "token" in parts ? parts.token : owner.token,
      headers: parts.headers ?? {},
      body: parts.body,
    };
  }

  interface Parts {
    readonly path?: Readonly<Record<string, string>>;
    readonly token?: string | undefined;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Readonly<Record<string, unknown>>;
  }

  async function goodParts(name: string): Promise<Parts> {
    switch (name) {
      case "requestOtp":
        return { token: undefined, body: { phone_number: newPhone } };
      case "verifyOtp":
        return {
          token: undefined,
          headers: { "x-device-id": codeDevice },
          body: { phone_number: newPhone, otp: await at.requestCode(newPhone), device_id: codeDevice },
        };
      case "refreshToken": {
        const fresh = await at.logIn("+14155559902");
        return {
          token: fresh.token,
          headers: { "x-device-id": fresh.deviceId },
          body: { refresh_token: fresh.refreshToken },
        };
      }
      case "logout":
        return { body: { refresh_token: "A".repeat(43) } };
      case "getApiInfo":
        return { token: undefined };
      case "updateMe":
        return { body: { display_name: "Alice" } };
      case "lookupUsers":
        return { body: { phone_numbers: [member.phoneNumber] } };
      case "createChat":
        return { body: { type: "group", name: "New", member_ids: [outsider.userId] } };
      case "updateChat":
        return { body: { name: "Renamed" } };
      case "addMember":
        return { body: { user_id: outsider.userId } };
      case "changeRole":
        return { body: { role: "admin" } };
      case "leaveChat":
        return { token: member.token };
      case "muteChat":
        return { body: { duration_hours: 8 } };
      case "setDeliveryState":
      case "setDeliveryStateAlias":
        return { body: { last_acked_sequence: 2 } };
      default:
        return {};
    }
  }

  return {
    at,
    answers,
    internalErrors,
    owner,
    admin,
    member,
    outsider,
    groupId: group,
    directId: direct.chatId,
    messageId,
    send,
    good,
  };
}

export function routeOf(name: string): RestRoute {
  const route = routes.find(({ method }) => method.localName === name);
  if (route === undefined) throw new Error(`there is no method ${name}`);
  return route;
}

/** Time passes until the answer is there: look-ups are levelled, events are retried. */
async function passTime(at: Fixture, answer: Promise<unknown>): Promise<void> {
  let done = false;
  const finished = answer.then(
    () => (done = true),
    () => (done = true),
  );
  await at.clock.settle();
  for (let rounds = 0; !done && rounds < 200; rounds += 1) await at.clock.advance(50);
  await finished;
}
