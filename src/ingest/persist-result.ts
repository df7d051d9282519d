/** How a send ended: stored (or recognised as stored before), or refused with a code of the taxonomy. */
import type { ErrorCode } from "../shared/domain/errors.ts";
import type { MessageId } from "../shared/domain/ids.ts";
import type { IdempotencyKey, NewMessage } from "../shared/stores/message-store.ts";

export type PersistResult = PersistSuccess | PersistFailure;

export interface PersistSuccess {
  readonly ok: true;
  readonly messageId: MessageId;
  readonly sequence: number;
  readonly createdAtMs: number;
  readonly deduplicated: boolean;
}

export interface PersistFailure {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterSeconds: number | undefined;
}

export function stored(message: NewMessage, sequence: number): PersistSuccess {
  return {
    ok: true,
    messageId: message.messageId,
    sequence,
    createdAtMs: message.createdAtMs,
    deduplicated: false,
  };
}

/** The answer to a repeated send: the original's, whatever the repetition says (S-12). */
export function duplicateOf(key: IdempotencyKey): PersistSuccess {
  return {
    ok: true,
    messageId: key.messageId,
    sequence: key.sequence,
    createdAtMs: key.createdAtMs,
    deduplicated: true,
  };
}

export function failed(code: ErrorCode, message: string, retryAfterSeconds?: number): PersistFailure {
  return { ok: false, code, message, retryAfterSeconds };
}

export const unavailable = failed(
  "SERVICE_UNAVAILABLE",
  "The message could not be stored now; send it again",
);
