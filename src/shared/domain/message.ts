/** The content pipeline of a message, in the order of the security contract: pure, applied before anything is stored. */
import { limits } from "./limits.ts";

export type ContentRefusal =
  | "INVALID_MESSAGE"
  | "MESSAGE_TOO_LARGE"
  | "INVALID_ENCODING"
  | "INVALID_CONTENT"
  | "INVALID_CONTENT_TYPE";

export type ContentResult =
  | { readonly ok: true; readonly content: string }
  | { readonly ok: false; readonly code: ContentRefusal; readonly message: string };

const asciiPrintable = /^[\x20-\x7e\n\t]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: stripping control characters is the purpose.
const controlCharacters = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Sanitizes message content: size, well-formed text, NUL, content type, control characters (all but newline
 * and tab are removed), NFC, size again. Bytes are counted as UTF-8. What comes back is what is stored,
 * pushed and served, byte for byte.
 */
export function sanitizeContent(raw: string, contentType: string | undefined): ContentResult {
  const bytes = Buffer.byteLength(raw, "utf8");
  if (bytes === 0) return refuse("INVALID_MESSAGE", "content is empty, 1 to 4096 bytes are allowed");
  if (bytes > limits.contentBytesMax) return tooLarge(bytes);
  if (!raw.isWellFormed()) return refuse("INVALID_ENCODING", "content holds a lone surrogate");
  if (raw.includes("\u0000")) return refuse("INVALID_CONTENT", "content holds a NUL character");
  if (contentType !== undefined && contentType !== "text/plain") {
    return refuse("INVALID_CONTENT_TYPE", `content type ${contentType.slice(0, 50)} is not text/plain`);
  }
  if (bytes === raw.length && asciiPrintable.test(raw)) return mentionsChecked(raw);
  const content = raw.replace(controlCharacters, "").normalize("NFC");
  const contentBytes = Buffer.byteLength(content, "utf8");
  if (contentBytes === 0) return refuse("INVALID_CONTENT", "nothing is left of content after sanitizing");
  if (contentBytes > limits.contentBytesMax) return tooLarge(contentBytes);
  return mentionsChecked(content);
}

function mentionsChecked(content: string): ContentResult {
  if (!content.includes("@")) return { ok: true, content };
  const mentions = content.match(/@[\p{L}\p{N}_]/gu)?.length ?? 0;
  if (mentions > limits.mentionsMax) {
    return refuse("INVALID_CONTENT", `content mentions ${mentions}, limit ${limits.mentionsMax}`);
  }
  return { ok: true, content };
}

function tooLarge(bytes: number): ContentResult {
  return refuse("MESSAGE_TOO_LARGE", `content is ${bytes} bytes, limit ${limits.contentBytesMax}`);
}

function refuse(code: ContentRefusal, message: string): ContentResult {
  return { ok: false, code, message };
}
