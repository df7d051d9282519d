/** Use cases: the own profile and the public profile of another user. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { isoTime } from "../shared/domain/clock.ts";
import { TriplaneError } from "../shared/domain/errors.ts";
import { parseUserId } from "../shared/domain/ids.ts";
import type {
  GetMeResponseSchema,
  GetUserRequest,
  GetUserResponseSchema,
  UpdateMeRequest,
} from "../shared/gen/messaging/v1/chatmgmt_pb.js";
import { isDeleted, type User } from "../shared/stores/user-store.ts";
import { type CallerContext, callerId } from "./caller-context.ts";
import type { ChatMgmtDeps } from "./chatmgmt-deps.ts";
import { fieldRefused } from "./field-refused.ts";

type Deps = Pick<ChatMgmtDeps, "users" | "clock">;
type Me = Omit<MessageInitShape<typeof GetMeResponseSchema>, "$typeName" | "$unknown">;

/** @throws {TriplaneError} NOT_FOUND when the account is gone */
export async function getMe(deps: Deps, context: CallerContext): Promise<Me> {
  const [user] = await deps.users.getUsers([callerId(context)]);
  return ownProfile(user);
}

/** @throws {TriplaneError} VALIDATION_ERROR when nothing is to be changed, NOT_FOUND */
export async function updateMe(deps: Deps, request: UpdateMeRequest, context: CallerContext): Promise<Me> {
  const { displayName } = request;
  if (displayName === undefined) {
    throw fieldRefused("display_name", "REQUIRED", "Nothing to change: display_name is missing");
  }
  return ownProfile(await deps.users.setDisplayName(callerId(context), displayName, deps.clock.nowMs()));
}

/** Never the phone number. @throws {TriplaneError} NOT_FOUND */
export async function getUser(
  deps: Deps,
  request: GetUserRequest,
): Promise<MessageInitShape<typeof GetUserResponseSchema>> {
  const userId = parseUserId(request.userId);
  const [user] = userId === undefined ? [undefined] : await deps.users.getUsers([userId]);
  if (user === undefined) throw userNotFound();
  return {
    userId: user.userId,
    displayName: user.displayName ?? undefined,
    createdAt: isoTime(user.createdAtMs),
  };
}

function ownProfile(user: User | undefined): Me {
  if (user === undefined || isDeleted(user)) throw userNotFound();
  return {
    userId: user.userId,
    phoneNumber: user.phoneNumber,
    displayName: user.displayName ?? undefined,
    createdAt: isoTime(user.createdAtMs),
    updatedAt: isoTime(user.updatedAtMs),
  };
}

function userNotFound(): TriplaneError {
  return new TriplaneError("NOT_FOUND", "There is no such user");
}
