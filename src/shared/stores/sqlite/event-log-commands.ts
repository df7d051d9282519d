import type { AnyCommand } from "./command.ts";
import { countRecords, readRecords, topicEnd } from "./event-log-reads.ts";
import { appendRecords, expireRecords } from "./event-log-writes.ts";
import { commitPositions, readPositions } from "./log-positions.ts";

export const eventLogCommands: readonly AnyCommand[] = [
  appendRecords,
  expireRecords,
  readRecords,
  countRecords,
  topicEnd,
  commitPositions,
  readPositions,
];
