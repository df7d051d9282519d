import type { AnyCommand } from "./command.ts";

export const chatCommands: readonly AnyCommand[] = [];
