/** Stored messages as REST shows them, with their senders' names. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import type { RestMessageSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { StoredMessage } from "../shared/stores/message-store.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { displayNames } from "./display-names.ts";

export type MessageFields = Omit<MessageInitShape<typeof RestMessageSchema>, "$typeName" | "$unknown">;

export async function messageFields(
  deps: Pick<ChatMgmtDeps, "users">,
  messages: readonly StoredMessage[],
): Promise<MessageFields[]> {
  const names = await displayNames(
    deps,
    messages.map((message) => message.senderId),
  );
  return messages.map((message) => ({
    messageId: message.messageId,
    chatId: message.chatId,
    sequence: BigInt(message.sequence),
    senderId: message.senderId,
    sender: { userId: message.senderId, displayName: names.get(message.senderId) },
    content: message.content,
    contentType: message.contentType,
    createdAt: isoTime(message.createdAtMs),
  }));
}
