import {
  ConnectionStoppedError,
  LoggedOutError,
  RestError,
  SendError,
} from "../../../client/client-errors.ts";

/** What the user is told, by code: the server's texts are for developers. */
const texts: Readonly<Record<string, string>> = {
  NETWORK_ERROR: "The server cannot be reached. Check the connection and try again.",
  SERVICE_UNAVAILABLE: "The server is busy or restarting. Try again in a moment.",
  INTERNAL_ERROR: "Something went wrong on the server. Try again in a moment.",
  INVALID_OTP: "That code is not right, or it has expired.",
  USER_NOT_FOUND: "Nobody with this number is here yet.",
  NOT_A_MEMBER: "You are not a member of this chat any more.",
  FORBIDDEN: "Your role in this chat does not allow that.",
  CHAT_FULL: "This group is full: 100 members are the limit.",
  ALREADY_A_MEMBER: "This person is in the group already.",
  MESSAGE_TOO_LARGE: "The message is too long.",
  OUTBOX_FULL: "Too many messages are waiting to be sent.",
  EXPIRED: "It waited too long to be sent safely.",
  INVALID_CONTENT: "The message holds characters that cannot be sent.",
  INVALID_ENCODING: "The message holds characters that cannot be sent.",
};

/** A sentence for the user. */
export function errorText(error: unknown): string {
  if (error instanceof LoggedOutError) return "You have been signed out.";
  if (error instanceof ConnectionStoppedError) return "The connection was closed.";
  if (error instanceof RestError && error.code === "RATE_LIMITED") return waitText(error.retryAfterMs);
  if (error instanceof RestError || error instanceof SendError) {
    return texts[error.code] ?? `That did not work (${error.code}).`;
  }
  return error instanceof Error ? `That did not work: ${error.message}` : "That did not work.";
}

function waitText(retryAfterMs: number | undefined): string {
  if (retryAfterMs === undefined) return "Too many attempts. Wait a moment and try again.";
  const seconds = Math.ceil(retryAfterMs / 1000);
  return seconds < 120
    ? `Too many attempts. Try again in ${seconds} s.`
    : `Too many attempts. Try again in ${Math.ceil(seconds / 60)} minutes.`;
}
