/** Cursors of lists: opaque to clients, JSON in base64url to us. */
import type { TriplaneError } from "../shared/domain/errors.ts";
import { fieldRefused } from "./field-refused.ts";

export function encodeCursor(content: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(content), "utf8").toString("base64url");
}

/** @returns the cursor's object, its fields unchecked. @throws {TriplaneError} VALIDATION_ERROR */
export function decodeCursor(cursor: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    throw malformedCursor();
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) throw malformedCursor();
  return content as Readonly<Record<string, unknown>>;
}

export function malformedCursor(): TriplaneError {
  return fieldRefused("cursor", "INVALID_FORMAT", "cursor is not one that this endpoint gave out");
}
