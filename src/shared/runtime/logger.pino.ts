/** The logger on pino: one JSON object a line, written straight to a file descriptor (no transports: they do not compile). */
import pino from "pino";
import type { LogFields, Logger } from "./logger.ts";

export interface PinoLoggerOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly service: string;
  readonly version: string;
  /** 1 = stdout, 2 = stderr. */
  readonly fileDescriptor: 1 | 2;
}

export function createPinoLogger(options: PinoLoggerOptions): Logger {
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service, version: options.version },
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ dest: options.fileDescriptor, sync: true }),
  );
  const write =
    (level: "debug" | "info" | "warn" | "error") =>
    (event: string, fields?: LogFields): void => {
      logger[level](fields ?? {}, event);
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}
