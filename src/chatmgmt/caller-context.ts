/** Who calls: the verified token's holder, and what the edge knows about the call. */
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId, type UserId } from "../shared/domain/ids.ts";
import { type Caller, type RequestInfo, requestInfo, requireCaller } from "../shared/rpc/request-info.ts";

export interface CallerContext {
  readonly caller: Caller;
  readonly info: RequestInfo;
}

/** @throws {TriplaneError} UNAUTHORIZED when nobody was authenticated */
export function callerContext(handler: Parameters<typeof requestInfo>[0]): CallerContext {
  return { caller: requireCaller(handler), info: requestInfo(handler) };
}

/** @throws {TriplaneError} UNAUTHORIZED when the token names no user */
export function callerId({ caller }: Pick<CallerContext, "caller">): UserId {
  const userId = parseUserId(caller.userId);
  if (userId !== undefined) return userId;
  throw new TriplaneError("UNAUTHORIZED", "The access token is not valid", {
    details: { reason: "token_invalid" },
  });
}
