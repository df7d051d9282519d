/**
 * Catch-up (durability contract, section 6.1): what a member misses, from the truth alone, strongly
 * consistent, ascending and dense. The page ends early when its frame would grow too large; `hasMore` is the
 * only end signal.
 */
import { sleep } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { ChatId, UserId } from "../shared/domain/ids.ts";
import { limits } from "../shared/domain/limits.ts";
import type { StoredMessage } from "../shared/stores/message-store.ts";
import type { IngestDeps } from "./ingest-deps.ts";

export interface SyncPage {
  readonly messages: readonly StoredMessage[];
  readonly hasMore: boolean;
}

/** Bytes of a message's frame beyond its content: ids, times, field names. */
const frameOverheadBytes = 320;
const holeRetriesMax = 3;
const holeRetryMs = 50;

/** @throws {TriplaneError} NOT_A_MEMBER, SERVICE_UNAVAILABLE */
export async function syncMessages(
  deps: Pick<IngestDeps, "clock" | "logger" | "messages" | "chats">,
  request: {
    readonly chatId: ChatId;
    readonly userId: UserId;
    readonly after: number;
    readonly limit: number;
  },
): Promise<SyncPage> {
  const { chatId, userId, after, limit } = request;
  const [membership] = await deps.chats.memberships([{ chatId, userId }]);
  if (membership === undefined) throw new TriplaneError("NOT_A_MEMBER", "Not a member of this chat");
  for (let attempt = 0; ; attempt++) {
    const page = await deps.messages.read({ chatId, after, before: undefined, direction: "forward", limit });
    const hole = firstHole(page.messages, after);
    if (hole === undefined || attempt >= holeRetriesMax) {
      // Cannot happen while sequences are dense: it is served as it is, and somebody is called.
      if (hole !== undefined)
        deps.logger.error("sequence_gap", { chat_id: chatId, sequence: hole, severity: "SEV-1" });
      return cut(page);
    }
    await sleep(deps.clock, holeRetryMs);
  }
}

function firstHole(messages: readonly StoredMessage[], after: number): number | undefined {
  for (const [index, message] of messages.entries()) {
    if (message.sequence !== after + 1 + index) return after + 1 + index;
  }
  return undefined;
}

/** Keeps the frame below its bound, at least one message. */
function cut(page: SyncPage): SyncPage {
  let bytes = 0;
  for (const [index, message] of page.messages.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(message.content), "utf8") + frameOverheadBytes;
    if (bytes > limits.syncFrameBytesMax && index > 0) {
      return { messages: page.messages.slice(0, index), hasMore: true };
    }
  }
  return page;
}
