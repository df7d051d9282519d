import type { AnyCommand } from "./command.ts";

export const messageCommands: readonly AnyCommand[] = [];
