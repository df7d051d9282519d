import type { AnyCommand } from "./command.ts";
import { commitMessages } from "./message-commit.ts";
import {
  findKeys,
  findNearTime,
  readCounters,
  readLatest,
  readMessages,
  scanForMessage,
} from "./message-reads.ts";
import { expireMessageKeys, repairCounter } from "./message-upkeep.ts";

export const messageCommands: readonly AnyCommand[] = [
  commitMessages,
  findKeys,
  readCounters,
  readMessages,
  readLatest,
  findNearTime,
  scanForMessage,
  repairCounter,
  expireMessageKeys,
];
