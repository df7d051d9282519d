import type { AnyCommand } from "./command.ts";

export const otpCommands: readonly AnyCommand[] = [];
