/** Use case: the history of a chat, page by page in either direction. Members see all of it, others nothing. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ListMessagesRequest,
  ListMessagesResponseSchema,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import type { MessagePage } from "../shared/stores/message-store.ts";
import type { CallerContext } from "./caller-context.ts";
import { requireMembership } from "./chat-access.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { fieldRefused } from "./field-refused.ts";
import {
  type HistoryWindow,
  nextHistoryCursor,
  parseHistoryCursor,
  previousHistoryCursor,
} from "./history-cursor.ts";
import { messageFields } from "./message-fields.ts";
import { pageLimit } from "./page-limit.ts";

type Deps = Pick<ChatMgmtDeps, "chats" | "messages" | "users" | "audit">;

const pageDefault = 50;
const pageMax = 100;

/** Strongly consistent; pages are dense. @throws {TriplaneError} VALIDATION_ERROR, NOT_FOUND, NOT_A_MEMBER */
export async function listMessages(
  deps: Deps,
  request: ListMessagesRequest,
  context: CallerContext,
): Promise<MessageInitShape<typeof ListMessagesResponseSchema>> {
  const window = windowOf(request);
  const limit = pageLimit(request.limit, pageDefault, pageMax);
  const { chatId } = await requireMembership(deps, request.chatId, context);
  const { messages, hasMore }: MessagePage = isEmpty(window)
    ? { messages: [], hasMore: false }
    : await deps.messages.read({ chatId, ...window, limit });
  const isFirstPage = request.cursor === undefined;
  return {
    data: await messageFields(deps, messages),
    pagination: {
      hasMore,
      nextCursor: hasMore && messages.length > 0 ? nextHistoryCursor(window, messages) : undefined,
      prevCursor: isFirstPage || messages.length === 0 ? undefined : previousHistoryCursor(window, messages),
    },
  };
}

function windowOf(request: ListMessagesRequest): HistoryWindow {
  const { cursor, beforeSequence, afterSequence } = request;
  if (cursor !== undefined) {
    if (beforeSequence !== undefined || afterSequence !== undefined) {
      throw fieldRefused("cursor", "INVALID_VALUE", "cursor excludes before_sequence and after_sequence");
    }
    return parseHistoryCursor(cursor);
  }
  return {
    direction: request.direction === "forward" ? "forward" : "backward",
    after: Number(afterSequence ?? 0n),
    before: beforeSequence === undefined ? undefined : Number(beforeSequence),
  };
}

function isEmpty({ after, before }: HistoryWindow): boolean {
  return before !== undefined && before <= after + 1;
}
