import type { AnyCommand } from "./command.ts";

export const revocationCommands: readonly AnyCommand[] = [];
