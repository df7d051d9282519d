import type { MessageInitShape } from "@bufbuild/protobuf";
import { limits } from "../shared/domain/limits.ts";
import type { GetApiInfoResponseSchema } from "../shared/gen/messaging/v1/chatmgmt_pb.js";

/** What this server can do: its limits and protocol versions. @param groupMembersMax as configured */
export function apiInfo(groupMembersMax: number): MessageInitShape<typeof GetApiInfoResponseSchema> {
  return {
    version: "1.0.0",
    apiVersion: "v1",
    capabilities: {
      maxMessageSizeBytes: limits.contentBytesMax,
      maxChatMembers: groupMembersMax,
      maxChatsPerUser: limits.chatsPerUserMax,
      supportedContentTypes: ["text/plain"],
      authMethods: ["phone_otp"],
      websocketProtocolVersion: limits.protocolVersion,
    },
    documentationUrl: "/api/v1/openapi.yaml",
  };
}
