/**
 * Runs a call once per Idempotency-Key. The key's record is written with the effect itself, so that neither exists
 * without the other; a repeated call is answered from what is there now.
 */

import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { TriplaneError } from "../shared/domain/errors.ts";
import type { NewRestIdempotencyRecord } from "../shared/stores/rest-idempotency-store.ts";
import type { CallerContext } from "./caller-context.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";

type Deps = Pick<ChatMgmtDeps, "restIdempotency" | "clock" | "logger">;

/** The ids of what the call created, by name. */
export type ResourceIds = Readonly<Record<string, string>>;

/** The record that the store writes with the effect; undefined when the call has no key. */
export type RecordFor = (created: ResourceIds) => NewRestIdempotencyRecord | undefined;

export interface IdempotentCall<Desc extends DescMessage, Answer> {
  /** Method and path template: `POST /chats`. */
  readonly route: string;
  readonly schema: Desc;
  readonly request: MessageShape<Desc>;
  readonly context: CallerContext;
  readonly run: (recordFor: RecordFor) => Promise<Answer>;
  readonly replay: (created: ResourceIds) => Promise<Answer>;
}

/** @throws {TriplaneError} CONFLICT while the same key runs, IDEMPOTENCY_KEY_REUSED for another body, and what `run` throws */
export async function runIdempotent<Desc extends DescMessage, Answer>(
  deps: Deps,
  call: IdempotentCall<Desc, Answer>,
): Promise<Answer> {
  const { info, caller } = call.context;
  if (info.idempotencyKey === undefined) return await call.run(() => undefined);
  const scopeKey = `${caller.userId}#${call.route}#${info.idempotencyKey}`;
  const requestHash = createHash("sha256")
    .update(canonicalJson(toJson(call.schema, call.request)), "utf8")
    .digest("hex");
  const earlier = await findEarlier(deps, scopeKey, requestHash);
  if (earlier !== undefined) return await call.replay(earlier.resourceIds);
  if (!(await deps.restIdempotency.begin(scopeKey, deps.clock.nowMs()))) {
    throw new TriplaneError("CONFLICT", "A request with this Idempotency-Key is still in progress");
  }
  try {
    // The call that held the key may have finished since the first look.
    const finished = await findEarlier(deps, scopeKey, requestHash);
    if (finished !== undefined) return await call.replay(finished.resourceIds);
    return await call.run((resourceIds) => ({
      scopeKey,
      requestHash,
      statusCode: 201,
      resourceIds,
      createdAtMs: deps.clock.nowMs(),
    }));
  } finally {
    await deps.restIdempotency.end(scopeKey).catch((error: unknown) => {
      // The mark ends by itself after a minute; the outcome stands.
      deps.logger.warn("idempotency_mark_not_ended", { error });
    });
  }
}

async function findEarlier(
  deps: Deps,
  scopeKey: string,
  requestHash: string,
): Promise<NewRestIdempotencyRecord | undefined> {
  const earlier = await deps.restIdempotency.find(scopeKey, deps.clock.nowMs());
  if (earlier !== undefined && earlier.requestHash !== requestHash) {
    throw new TriplaneError("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another request");
  }
  return earlier;
}
