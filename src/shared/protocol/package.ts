/** What `triplane/protocol` offers: frames, codes, limits and their parsers, without a dependency. Nothing in here imports this file. */
export { type CloseReason, type CloseRule, closeCodes, closeReasons } from "./close-codes.ts";
export { type ErrorCodeRule, errorCodeRule, type SocketErrorCode, socketErrorCodes } from "./error-codes.ts";
export type * from "./frames.ts";
export { type ParsedClientFrame, parseClientFrame } from "./parse-client-frame.ts";
export { type ParsedServerFrame, parseServerFrame } from "./parse-server-frame.ts";
export { protocolLimits } from "./protocol-limits.ts";
