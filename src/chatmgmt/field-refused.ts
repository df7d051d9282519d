import { type FieldError, TriplaneError } from "../shared/domain/errors.ts";

/** A field that is wrong in a way that its own rule cannot tell. */
export function fieldRefused(field: string, code: FieldError["code"], message: string): TriplaneError {
  return new TriplaneError("VALIDATION_ERROR", message, {
    details: { field_errors: [{ field, code, message }] },
  });
}
