/** The service of `chatmgmt.proto`: one use case per call. Edges have authenticated and validated before. */

import type { ServiceImpl } from "@connectrpc/connect";
import type { ChatMgmtService } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { requestInfo } from "../shared/rpc/request-info.ts";
import { addMember } from "./add-member.ts";
import { apiInfo } from "./api-info.ts";
import { callerContext } from "./caller-context.ts";
import { changeRole } from "./change-role.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { createChat } from "./create-chat.ts";
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
import { deleteSession, deleteSessions, listSessions } from "./sessions.ts";
import { updateChat } from "./update-chat.ts";
import { getMe, getUser, updateMe } from "./users.ts";
import { verifyOtp } from "./verify-otp.ts";

export function createChatMgmtService(deps: ChatMgmtDeps): ServiceImpl<typeof ChatMgmtService> {
  return {
    requestOtp: (request, handler) => requestOtp(deps, request, requestInfo(handler)),
    verifyOtp: (request, handler) => verifyOtp(deps, request, requestInfo(handler)),
    refreshToken: (request, handler) => refreshToken(deps, request, callerContext(handler)),
    logout: (_, handler) => logout(deps, callerContext(handler)),
    getMe: (_, handler) => getMe(deps, callerContext(handler)),
    updateMe: (request, handler) => updateMe(deps, request, callerContext(handler)),
    getUser: (request) => getUser(deps, request),
    lookupUsers: (request, handler) => lookupUsers(deps, request, callerContext(handler)),
    createChat: (request, handler) => createChat(deps, request, handler),
    listChats: (request, handler) => listChats(deps, request, callerContext(handler)),
    getChat: (request, handler) => getChat(deps, request, callerContext(handler)),
    updateChat: (request, handler) => updateChat(deps, request, callerContext(handler)),
    addMember: (request, handler) => addMember(deps, request, handler),
    removeMember: (request, handler) => removeMember(deps, request, callerContext(handler)),
    changeRole: (request, handler) => changeRole(deps, request, callerContext(handler)),
    leaveChat: (request, handler) => leaveChat(deps, request, callerContext(handler)),
    muteChat: (request, handler) => muteChat(deps, request, callerContext(handler)),
    unmuteChat: (request, handler) => unmuteChat(deps, request, callerContext(handler)),
    listMessages: (request, handler) => listMessages(deps, request, callerContext(handler)),
    getMessage: (request, handler) => getMessage(deps, request, callerContext(handler)),
    getMessagesAround: (request, handler) => getMessagesAround(deps, request, callerContext(handler)),
    getDeliveryStatus: (request, handler) => getDeliveryStatus(deps, request, callerContext(handler)),
    setDeliveryState: (request, handler) => setDeliveryState(deps, request, callerContext(handler)),
    setDeliveryStateAlias: (request, handler) => setDeliveryState(deps, request, callerContext(handler)),
    listDeliveryState: (request, handler) => listDeliveryState(deps, request, callerContext(handler)),
    listSessions: (_, handler) => listSessions(deps, callerContext(handler)),
    deleteSession: (request, handler) => deleteSession(deps, request, callerContext(handler)),
    deleteSessions: (request, handler) => deleteSessions(deps, request, callerContext(handler)),
    getApiInfo: () => apiInfo(deps.settings.limits.groups.members),
  };
}
