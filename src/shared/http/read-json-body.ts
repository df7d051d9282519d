/** A request's JSON body: size, type, encoding, syntax, in this order. */
import { TriplaneError } from "../domain/errors.ts";
import { isRecord, type JsonRecord } from "./rest-decode.ts";

/**
 * An empty body is an empty object, whatever its type.
 * @throws {TriplaneError} PAYLOAD_TOO_LARGE with `max_bytes`, `received_bytes` (as announced, or as read until
 * the limit was passed); BAD_REQUEST: wrong content type, invalid UTF-8, malformed JSON, not an object
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<JsonRecord> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes.byteLength === 0) return {};
  requireJson(request.headers.get("content-type"));
  const text = decodeUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TriplaneError("BAD_REQUEST", "The body is not valid JSON", { cause });
  }
  if (!isRecord(value)) throw new TriplaneError("BAD_REQUEST", "The body is not a JSON object");
  return value;
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(request.headers.get("content-length") ?? Number.NaN);
  if (announced > maxBytes) throw tooLarge(maxBytes, announced);
  if (request.body === null) return new Uint8Array();
  if (announced >= 0) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes, bytes.byteLength);
    return bytes;
  }
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of request.body) {
    received += chunk.byteLength;
    if (received > maxBytes) throw tooLarge(maxBytes, received);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number, receivedBytes: number): TriplaneError {
  return new TriplaneError("PAYLOAD_TOO_LARGE", `The body is ${receivedBytes} bytes, limit ${maxBytes}`, {
    details: { max_bytes: maxBytes, received_bytes: receivedBytes },
  });
}

/** RFC 8259 section 8.1: JSON is UTF-8, so that no other charset is accepted. */
function requireJson(contentType: string | null): void {
  const pattern = /^application\/json *(; *charset *= *"?utf-8"? *)?;? *$/i;
  if (contentType === null || !pattern.test(contentType)) {
    throw new TriplaneError("BAD_REQUEST", "The content type is not application/json");
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new TriplaneError("BAD_REQUEST", "The body is not valid UTF-8", { cause });
  }
}
