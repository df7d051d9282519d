/** The Connect edge of the durability plane: proto messages in and out, nothing decided here. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError, toTriplaneError } from "../shared/domain/errors.ts";
import { parseChatId, parseUserId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import { MessageSchema } from "../shared/gen/messaging/v1/common_pb.js";
import {
  AckDeliveryResponseSchema,
  type IngestService,
  type PersistItem as PersistItemMessage,
  type PersistItemResult,
  PersistItemResultSchema,
  PersistMessagesResponseSchema,
  SyncMessagesResponseSchema,
} from "../shared/gen/messaging/v1/ingest_pb.js";
import type { StoredMessage } from "../shared/stores/message-store.ts";
import { type Ack, ackDelivery } from "./ack-delivery.ts";
import type { CommitLoop } from "./commit-loop.ts";
import type { IngestDeps } from "./ingest-deps.ts";
import { type PersistItem, persistMessages } from "./persist-messages.ts";
import type { PersistResult } from "./persist-result.ts";
import { syncMessages } from "./sync-messages.ts";

export function createIngestService(deps: IngestDeps, loop: CommitLoop): ServiceImpl<typeof IngestService> {
  return {
    async persistMessages(request) {
      const { items } = request;
      if (items.length > limits.persistItemsMax) {
        throw new TriplaneError("VALIDATION_ERROR", `${items.length} items, limit ${limits.persistItemsMax}`);
      }
      const results = await persistMessages(deps, loop, items.map(itemOf));
      return create(PersistMessagesResponseSchema, {
        results: items.map((item, index) => resultOf(item.requestKey, results[index])),
      });
    },

    async syncMessages(request) {
      const chatId = parseChatId(request.chatId);
      const userId = parseUserId(request.userId);
      if (chatId === undefined || userId === undefined) {
        throw new TriplaneError("INVALID_MESSAGE", "chat_id or user_id has the wrong form");
      }
      const token = await deps.tokens.verify(request.accessToken, { allowExpired: false });
      if (token.userId !== userId)
        throw new TriplaneError("UNAUTHORIZED", "The token belongs to another user");
      const limit = Math.min(
        request.limit === 0 ? limits.syncPageDefault : request.limit,
        limits.syncPageMax,
      );
      const after = Number(request.lastAckedSequence);
      const page = await syncMessages(deps, { chatId, userId, after, limit });
      const last = page.messages.at(-1);
      return create(SyncMessagesResponseSchema, {
        messages: page.messages.map(messageOf),
        hasMore: page.hasMore,
        ...(page.hasMore && last !== undefined ? { nextSequence: BigInt(last.sequence + 1) } : {}),
      });
    },

    async ackDelivery(request) {
      const acks: Ack[] = [];
      for (const item of request.items) {
        const chatId = parseChatId(item.chatId);
        const userId = parseUserId(item.userId);
        const sequence = Number(item.lastAckedSequence);
        if (chatId === undefined || userId === undefined || sequence < 1 || !Number.isSafeInteger(sequence))
          continue;
        try {
          const token = await deps.tokens.verify(item.accessToken, { allowExpired: false });
          if (token.userId === userId) acks.push({ chatId, userId, sequence });
        } catch (error) {
          deps.logger.debug("ack_refused", { code: toTriplaneError(error).code });
        }
      }
      await ackDelivery(deps, acks);
      return create(AckDeliveryResponseSchema);
    },
  };
}

function itemOf(item: PersistItemMessage): PersistItem {
  return {
    clientMessageId: item.clientMessageId,
    chatId: item.chatId,
    senderId: item.senderId,
    connectionId: item.connectionId,
    content: item.content,
    contentType: item.contentType,
    traceparent: item.traceparent,
    deadlineMs: item.deadlineMs,
    accessToken: item.accessToken,
  };
}

function resultOf(requestKey: string, result: PersistResult | undefined): PersistItemResult {
  if (result?.ok === true) {
    return create(PersistItemResultSchema, {
      requestKey,
      outcome: {
        case: "success",
        value: {
          messageId: result.messageId,
          sequence: BigInt(result.sequence),
          createdAt: isoTime(result.createdAtMs),
          deduplicated: result.deduplicated,
        },
      },
    });
  }
  return create(PersistItemResultSchema, {
    requestKey,
    outcome: {
      case: "failure",
      value: {
        errorCode: result?.code ?? "INTERNAL_ERROR",
        errorMessage: result?.message ?? "The item has no result",
        ...(result?.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: result.retryAfterSeconds }),
      },
    },
  });
}

function messageOf(message: StoredMessage) {
  return create(MessageSchema, {
    messageId: message.messageId,
    chatId: message.chatId,
    sequence: BigInt(message.sequence),
    senderId: message.senderId,
    content: message.content,
    contentType: message.contentType,
    createdAt: isoTime(message.createdAtMs),
  });
}
