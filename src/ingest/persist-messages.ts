/**
 * The write path (durability contract, section 5.2): validate, recognise repetitions, authorise by a strongly
 * consistent read, commit in the chat's writer. Every item is answered, each by its own deadline. The only
 * code that numbers or inserts messages.
 */
import { toTriplaneError } from "../shared/domain/errors.ts";
import {
  type ChatId,
  type ClientMessageId,
  parseChatId,
  parseClientMessageId,
  parseConnectionId,
  parseUserId,
  type UserId,
} from "../shared/domain/ids.ts";
import { sanitizeContent } from "../shared/domain/message.ts";
import type { Chat, Membership } from "../shared/stores/chat-store.ts";
import type { IdempotencyKey, NewMessage } from "../shared/stores/message-store.ts";
import type { CommitLoop } from "./commit-loop.ts";
import type { IngestDeps } from "./ingest-deps.ts";
import { duplicateOf, failed, type PersistResult, unavailable } from "./persist-result.ts";

/** One send, as the wire has it. */
export interface PersistItem {
  readonly clientMessageId: string;
  readonly chatId: string;
  readonly senderId: string;
  readonly connectionId: string;
  readonly content: string;
  readonly contentType: string | undefined;
  readonly traceparent: string | undefined;
  /** What is left of the request's time. */
  readonly deadlineMs: number;
  readonly accessToken: string;
}

interface Draft {
  readonly index: number;
  readonly item: PersistItem;
  readonly chatId: ChatId;
  readonly senderId: UserId;
  readonly clientMessageId: ClientMessageId;
  readonly content: string;
}

/** @returns one result per item, in order; never rejects. */
export async function persistMessages(
  deps: IngestDeps,
  loop: CommitLoop,
  items: readonly PersistItem[],
): Promise<readonly PersistResult[]> {
  const startedMs = deps.clock.nowMs();
  const answers = new Answers(deps, items, startedMs);
  const drafts: Draft[] = [];
  for (const [index, item] of items.entries()) {
    const draft = draftOf(index, item);
    if ("code" in draft) answers.settle(index, draft);
    else drafts.push(draft);
  }
  void storeDrafts(deps, loop, drafts, answers, startedMs);
  return answers.all;
}

/** W0: the durability side validates for itself, whatever the gateway checked. */
function draftOf(index: number, item: PersistItem): Draft | Extract<PersistResult, { ok: false }> {
  const chatId = parseChatId(item.chatId);
  if (chatId === undefined)
    return failed("INVALID_MESSAGE", "chat_id must be chat_ and 1 to 45 alphanumerics");
  const clientMessageId = parseClientMessageId(item.clientMessageId);
  if (clientMessageId === undefined) return failed("INVALID_MESSAGE", "client_message_id must be a UUID");
  const senderId = parseUserId(item.senderId);
  if (senderId === undefined) return failed("UNAUTHORIZED", "The sender is not a user");
  const sanitized = sanitizeContent(item.content, item.contentType);
  if (!sanitized.ok) return failed(sanitized.code, sanitized.message);
  return { index, item, chatId, senderId, clientMessageId, content: sanitized.content };
}

async function storeDrafts(
  deps: IngestDeps,
  loop: CommitLoop,
  drafts: readonly Draft[],
  answers: Answers,
  startedMs: number,
): Promise<void> {
  try {
    const proven = await provenSenders(deps, drafts, answers);
    if (proven.length === 0) return;
    const [keys, memberships, sizes] = await Promise.all([
      deps.messages.findKeys(proven),
      deps.chats.memberships(proven.map(({ chatId, senderId }) => ({ chatId, userId: senderId }))),
      deps.sendGuard?.readSizes(proven.map(({ chatId }) => chatId)),
    ]);
    const authorized = proven.filter((draft, at) => decide(draft, keys[at], memberships[at], answers));
    const admitted = sizes === undefined ? authorized : await guarded(deps, authorized, sizes, answers);
    const nowMs = deps.clock.nowMs();
    for (const draft of admitted) {
      loop.add(draft.chatId, {
        message: newMessage(deps, draft, nowMs),
        deadlineMs: startedMs + draft.item.deadlineMs,
        answer: (result) => answers.settle(draft.index, result),
      });
    }
    loop.flush();
  } catch (error) {
    deps.logger.warn("persist_failed", { error });
    for (const draft of drafts) answers.settle(draft.index, unavailable);
  }
}

/**
 * Idempotency comes before membership: who was answered once is answered alike after leaving (section 5.4).
 * @returns true when the message may be written; else it has been answered
 */
function decide(
  draft: Draft,
  key: IdempotencyKey | undefined,
  membership: Membership | undefined,
  answers: Answers,
): boolean {
  if (key !== undefined && (key.senderId === draft.senderId || membership !== undefined)) {
    answers.settle(draft.index, duplicateOf(key));
    return false;
  }
  if (membership === undefined) {
    answers.settle(draft.index, failed("NOT_A_MEMBER", "Not a member of this chat"));
    return false;
  }
  return true;
}

/** Abuse controls come last before the writer, so that only what would be stored is charged. */
async function guarded(
  deps: IngestDeps,
  drafts: readonly Draft[],
  sizes: readonly Chat[],
  answers: Answers,
): Promise<readonly Draft[]> {
  const sends = drafts.map(({ chatId, senderId, content, item }) => ({
    chatId,
    senderId,
    content,
    connectionId: parseConnectionId(item.connectionId),
  }));
  const verdicts = (await deps.sendGuard?.admit(sends, sizes)) ?? [];
  return drafts.filter((draft, at) => {
    const waitSeconds = verdicts[at];
    if (waitSeconds === undefined) return true;
    const message = `Too many messages; retry in ${waitSeconds} s`;
    answers.settle(draft.index, failed("RATE_LIMITED", message, waitSeconds));
    return false;
  });
}

function newMessage(deps: IngestDeps, draft: Draft, nowMs: number): NewMessage {
  return {
    messageId: deps.ids.messageId(),
    clientMessageId: draft.clientMessageId,
    senderId: draft.senderId,
    content: draft.content,
    contentType: "text/plain",
    createdAtMs: nowMs,
    originConnectionId: parseConnectionId(draft.item.connectionId),
    traceparent: draft.item.traceparent,
  };
}

/** Drops the items whose token does not prove their sender. */
async function provenSenders(
  deps: IngestDeps,
  drafts: readonly Draft[],
  answers: Answers,
): Promise<readonly Draft[]> {
  const proofs = new Map<string, Promise<UserId | PersistResult>>();
  for (const { item } of drafts) {
    if (!proofs.has(item.accessToken)) proofs.set(item.accessToken, proofOf(deps, item.accessToken));
  }
  const proven: Draft[] = [];
  for (const draft of drafts) {
    const proof = await proofs.get(draft.item.accessToken);
    if (proof === draft.senderId) proven.push(draft);
    else if (typeof proof === "object") answers.settle(draft.index, proof);
    else answers.settle(draft.index, failed("UNAUTHORIZED", "The token belongs to another user"));
  }
  return proven;
}

async function proofOf(deps: IngestDeps, accessToken: string): Promise<UserId | PersistResult> {
  try {
    return (await deps.tokens.verify(accessToken, { allowExpired: false })).userId;
  } catch (error) {
    const refusal = toTriplaneError(error);
    return failed(refusal.code, refusal.message);
  }
}

/** Collects one result per item; an item without one at its deadline is answered SERVICE_UNAVAILABLE: its outcome is unknown. */
class Answers {
  readonly all: Promise<readonly PersistResult[]>;
  readonly #results: (PersistResult | undefined)[];
  #missing: number;
  #resolve: (results: readonly PersistResult[]) => void = () => undefined;

  constructor(deps: Pick<IngestDeps, "clock">, items: readonly PersistItem[], startedMs: number) {
    this.#results = new Array<PersistResult | undefined>(items.length).fill(undefined);
    this.#missing = items.length;
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (items.length === 0) {
      this.#resolve([]);
      return;
    }
    const expire = (): void => {
      const nowMs = deps.clock.nowMs();
      let nextMs = Number.POSITIVE_INFINITY;
      for (const [index, item] of items.entries()) {
        if (this.#results[index] !== undefined) continue;
        const dueMs = startedMs + item.deadlineMs;
        if (dueMs <= nowMs) this.settle(index, unavailable);
        else nextMs = Math.min(nextMs, dueMs);
      }
      if (this.#missing > 0) timer = deps.clock.setTimer(nextMs - nowMs, expire);
    };
    let timer = deps.clock.setTimer(Math.min(...items.map((item) => item.deadlineMs)), expire);
    void this.all.then(() => timer.cancel());
  }

  settle(index: number, result: PersistResult): void {
    if (this.#results[index] !== undefined) return;
    this.#results[index] = result;
    this.#missing--;
    if (this.#missing === 0) this.#resolve(this.#results as readonly PersistResult[]);
  }
}
