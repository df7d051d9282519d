/** The client's errors on their way between tabs: they arrive as the classes they were. */
import { ConnectionStoppedError, LoggedOutError, RestError, SendError } from "./client-errors.ts";
import type { TabError } from "./tabs.ts";

export function toTabError(error: unknown): TabError {
  if (error instanceof RestError) {
    const { status, code, details, requestId, retryAfterMs } = error;
    return pack(error, { status, code, details, requestId, retryAfterMs });
  }
  if (error instanceof SendError) return pack(error, { code: error.code, details: error.details });
  if (error instanceof LoggedOutError || error instanceof ConnectionStoppedError) {
    return pack(error, { reason: error.reason });
  }
  return error instanceof Error ? pack(error, {}) : { name: "Error", message: String(error), fields: {} };
}

export function fromTabError(error: TabError): Error {
  const { fields } = error;
  const details = (fields["details"] ?? {}) as Readonly<Record<string, unknown>>;
  switch (error.name) {
    case "RestError":
      return new RestError({
        status: fields["status"] as number,
        code: fields["code"] as string,
        message: withoutPrefix(error.message),
        details,
        requestId: fields["requestId"] as string | undefined,
        retryAfterMs: fields["retryAfterMs"] as number | undefined,
        cause: undefined,
      });
    case "SendError":
      return new SendError(fields["code"] as string, withoutPrefix(error.message), details);
    case "LoggedOutError":
      return new LoggedOutError(fields["reason"] as string);
    case "ConnectionStoppedError":
      return new ConnectionStoppedError(fields["reason"] as string);
    default:
      return new Error(error.message);
  }
}

function pack(error: Error, fields: Readonly<Record<string, unknown>>): TabError {
  return { name: error.name, message: error.message, fields };
}

/** The constructors put the code before the message. */
function withoutPrefix(message: string): string {
  return message.slice(message.indexOf(": ") + 2);
}
