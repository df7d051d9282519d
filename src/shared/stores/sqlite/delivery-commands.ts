import type { AnyCommand } from "./command.ts";

export const deliveryCommands: readonly AnyCommand[] = [];
