import type { AnyCommand } from "./command.ts";

export const userCommands: readonly AnyCommand[] = [];
