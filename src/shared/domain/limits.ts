/** Fixed limits of the contracts: not settings. What an operator may change is configuration, with defaults there. */
import { strict as assert } from "node:assert";

export const limits = {
  /** A message's content after JSON decoding, UTF-8. */
  contentBytesMax: 4096,
  /** More than this many @mentions are refused. */
  mentionsMax: 10,
  /** A client's frame, whole envelope. */
  frameBytesMax: 65_536,
  /** What the transport refuses before we see it. */
  transportBytesMax: 1_048_576,
  /** A sync page is cut so that its frame stays below this. */
  syncFrameBytesMax: 262_144,
  syncPageDefault: 100,
  syncPageMax: 500,
  /** A repeated send within this window is answered with the original. */
  idempotencyWindowMs: 7 * 24 * 3600 * 1000,
  restIdempotencyWindowMs: 24 * 3600 * 1000,
  restBodyBytesMax: 65_536,
  rpcBodyBytesMax: 1_048_576,
  persistItemsMax: 100,
  /** One transaction holds 1 + 2 x 49 = 99 items, 100 are allowed. */
  batchMessagesMax: 49,
  groupMembersMax: 100,
  chatsPerUserMax: 1000,
  groupsPerUserMax: 500,
  deliveriesPerCallMax: 500,
  /** Largest sequence that JSON carries exactly. */
  sequenceMax: Number.MAX_SAFE_INTEGER,
  protocolVersion: 1,
} as const;

assert(1 + 2 * limits.batchMessagesMax <= 100);
assert(limits.contentBytesMax < limits.frameBytesMax && limits.frameBytesMax < limits.transportBytesMax);
assert(limits.syncPageDefault <= limits.syncPageMax);
