import type { AnyCommand } from "./command.ts";

export const restIdempotencyCommands: readonly AnyCommand[] = [];
