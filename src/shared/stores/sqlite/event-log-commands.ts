import type { AnyCommand } from "./command.ts";

export const eventLogCommands: readonly AnyCommand[] = [];
