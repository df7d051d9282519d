/** Every store command by name: what the storage thread can be asked to run. */
import { accountCommands } from "./account-commands.ts";
import { chatCommands } from "./chat-commands.ts";
import type { AnyCommand } from "./command.ts";
import { deliveryCommands } from "./delivery-commands.ts";
import { eventLogCommands } from "./event-log-commands.ts";
import { messageCommands } from "./message-commands.ts";
import { otpCommands } from "./otp-commands.ts";
import { restIdempotencyCommands } from "./rest-idempotency-commands.ts";
import { revocationCommands } from "./revocation-commands.ts";
import { sessionCommands } from "./session-commands.ts";
import { userCommands } from "./user-commands.ts";

/** @throws {Error} two commands share a name */
export function indexCommands(lists: readonly (readonly AnyCommand[])[]): ReadonlyMap<string, AnyCommand> {
  const byName = new Map<string, AnyCommand>();
  for (const command of lists.flat()) {
    if (byName.has(command.name)) throw new Error(`two store commands are named ${command.name}`);
    byName.set(command.name, command);
  }
  return byName;
}

export const commands = indexCommands([
  messageCommands,
  eventLogCommands,
  deliveryCommands,
  chatCommands,
  userCommands,
  sessionCommands,
  otpCommands,
  restIdempotencyCommands,
  revocationCommands,
  accountCommands,
]);
