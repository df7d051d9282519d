import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId, type UserId } from "../shared/domain/ids.ts";
import type { Caller } from "../shared/rpc/request-info.ts";

/** The caller's user id. @throws {TriplaneError} UNAUTHORIZED when the token names none */
export function callerId(caller: Caller): UserId {
  const userId = parseUserId(caller.userId);
  if (userId !== undefined) return userId;
  throw new TriplaneError("UNAUTHORIZED", "The access token is not valid", {
    details: { reason: "token_invalid" },
  });
}
