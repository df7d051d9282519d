/** The service of `chatmgmt.proto`: one use case per call. Edges have authenticated and validated before. */

import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ChatMgmtService } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { requestInfo } from "../shared/rpc/request-info.ts";
import { addMember } from "./add-member.ts";
import { apiInfo } from "./api-info.ts";
import { type CallerContext, callerContext } from "./caller-context.ts";
import { changeRole } from "./change-role.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { createChat } from "./create-chat.ts";
import { deleteMe } from "./delete-me.ts";
import { listDeliveryState, setDeliveryState } from "./delivery-state.ts";
import { getDeliveryStatus } from "./delivery-status.ts";
import { getChat } from "./get-chat.ts";
import { getMessage, getMessagesAround } from "./get-message.ts";
import { listChats } from "./list-chats.ts";
import { listMessages } from "./list-messages.ts";
import { logout } from "./logout.ts";
import { lookupUsers } from "./lookup-users.ts";
import { muteChat, unmuteChat } from "./mute-chat.ts";
import { refreshToken } from "./refresh-token.ts";
import { leaveChat, removeMember } from "./remove-member.ts";
import { requestOtp } from "./request-otp.ts";
import { SessionActivity } from "./session-activity.ts";
import { deleteSession, deleteSessions, listSessions } from "./sessions.ts";
import { updateChat } from "./update-chat.ts";
import { getMe, getUser, updateMe } from "./users.ts";
import { verifyOtp } from "./verify-otp.ts";

export function createChatMgmtService(deps: ChatMgmtDeps): ServiceImpl<typeof ChatMgmtService> {
  const activity = new SessionActivity(deps);
  const known = (handler: HandlerContext): CallerContext => {
    const context = callerContext(handler);
    activity.note(context.caller.sessionId);
    return context;
  };
  return {
    requestOtp: (request, handler) => requestOtp(deps, request, requestInfo(handler)),
    verifyOtp: (request, handler) => verifyOtp(deps, request, requestInfo(handler)),
    refreshToken: (request, handler) => refreshToken(deps, request, callerContext(handler)),
    logout: (_, handler) => logout(deps, callerContext(handler)),
    getMe: (_, handler) => getMe(deps, known(handler)),
    updateMe: (request, handler) => updateMe(deps, request, known(handler)),
    deleteMe: (_, handler) => deleteMe(deps, callerContext(handler)),
    getUser: (request) => getUser(deps, request),
    lookupUsers: (request, handler) => lookupUsers(deps, request, known(handler)),
    createChat: (request, handler) => createChat(deps, request, known(handler), handler),
    listChats: (request, handler) => listChats(deps, request, known(handler)),
    getChat: (request, handler) => getChat(deps, request, known(handler)),
    updateChat: (request, handler) => updateChat(deps, request, known(handler)),
    addMember: (request, handler) => addMember(deps, request, known(handler), handler),
    removeMember: (request, handler) => removeMember(deps, request, known(handler)),
    changeRole: (request, handler) => changeRole(deps, request, known(handler)),
    leaveChat: (request, handler) => leaveChat(deps, request, known(handler)),
    muteChat: (request, handler) => muteChat(deps, request, known(handler)),
    unmuteChat: (request, handler) => unmuteChat(deps, request, known(handler)),
    listMessages: (request, handler) => listMessages(deps, request, known(handler)),
    getMessage: (request, handler) => getMessage(deps, request, known(handler)),
    getMessagesAround: (request, handler) => getMessagesAround(deps, request, known(handler)),
    getDeliveryStatus: (request, handler) => getDeliveryStatus(deps, request, known(handler)),
    setDeliveryState: (request, handler) => setDeliveryState(deps, request, known(handler)),
    setDeliveryStateAlias: (request, handler) => setDeliveryState(deps, request, known(handler)),
    listDeliveryState: (request, handler) => listDeliveryState(deps, request, known(handler)),
    listSessions: (_, handler) => listSessions(deps, known(handler)),
    deleteSession: (request, handler) => deleteSession(deps, request, known(handler)),
    deleteSessions: (request, handler) => deleteSessions(deps, request, known(handler)),
    getApiInfo: () => apiInfo(deps.settings.limits.groups.members),
  };
}
