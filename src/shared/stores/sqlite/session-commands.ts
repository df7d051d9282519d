import type { AnyCommand } from "./command.ts";

export const sessionCommands: readonly AnyCommand[] = [];
