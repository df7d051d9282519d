import { protocolLimits } from "../protocol/protocol-limits.ts";
import { utf8Bytes } from "../protocol/utf8-bytes.ts";
import { SendError } from "./client-errors.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: these very characters are removed.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * The text as the server will store it: without C0 and C1 controls except line feed and tab, in NFC. So the
 * local message equals the one that others see.
 * @throws {SendError} INVALID_MESSAGE (empty), MESSAGE_TOO_LARGE, INVALID_ENCODING, INVALID_CONTENT
 */
export function prepareContent(content: string): string {
  if (content === "") throw new SendError("INVALID_MESSAGE", "content is empty, 1 byte at least is needed");
  checkSize(content);
  if (!content.isWellFormed()) throw new SendError("INVALID_ENCODING", "content holds a lone surrogate");
  if (content.includes("\u0000")) throw new SendError("INVALID_CONTENT", "content holds a NUL character");
  const prepared = content.replace(controls, "").normalize("NFC");
  if (prepared === "") throw new SendError("INVALID_CONTENT", "content holds control characters only");
  checkSize(prepared);
  return prepared;
}

function checkSize(content: string): void {
  const bytes = utf8Bytes(content);
  const { contentBytesMax } = protocolLimits;
  if (bytes <= contentBytesMax) return;
  throw new SendError("MESSAGE_TOO_LARGE", `content is ${bytes} bytes, limit ${contentBytesMax}`, {
    received_bytes: bytes,
    max_bytes: contentBytesMax,
  });
}
